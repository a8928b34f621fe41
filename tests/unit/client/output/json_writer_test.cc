#include "client/output/json_writer.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace batuta::client {
namespace {

TEST(JsonWriterTest, WritesKeysInTheOrderOfTheCalls) {
  JsonWriter json;
  json.BeginObject().Field("b", uint64_t{2}).Field("a", "x").FieldOrNull("none", "").Key("list").BeginArray();
  json.String("y").Bool(true).EndArray().Key("empty").BeginObject().EndObject().EndObject();

  EXPECT_EQ(json.Take(),
            "{\n  \"b\": 2,\n  \"a\": \"x\",\n  \"none\": null,\n  \"list\": [\n    \"y\",\n    true\n  ],\n"
            "  \"empty\": {}\n}\n");
}

TEST(JsonWriterTest, OneLineStyleHasNoBreakInside) {
  JsonWriter json(JsonWriter::Style::kOneLine);
  json.BeginObject().Field("a", "line\nbreak").EndObject();

  EXPECT_EQ(json.Take(), "{\"a\":\"line\\nbreak\"}\n");
}

TEST(JsonWriterTest, AnyBytesBecomeValidJsonThatCannotMoveATerminal) {
  std::string hostile;
  for (int byte = 0; byte < 256; ++byte) hostile += static_cast<char>(byte);
  hostile += "\u202Eevil\u2066\"\\";
  JsonWriter json;
  json.BeginObject().Field("text", hostile).EndObject();

  const std::string text = json.Take();

  EXPECT_TRUE(nlohmann::json::accept(text));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\u202E"), std::string::npos);
  EXPECT_EQ(text.find("\u2066"), std::string::npos);
}

TEST(JsonWriterTest, TextReadsBackAsItWas) {
  const std::string text = "Grüße \"quoted\" \\ 漢字 \t tab";
  JsonWriter json;
  json.BeginObject().Field("text", text).EndObject();

  EXPECT_EQ(nlohmann::json::parse(json.Take())["text"], text);
}

TEST(JsonWriterTest, PiecesTogetherAreTheDocument) {
  JsonWriter json;
  std::string text;
  json.BeginObject().Key("items").BeginArray();
  for (uint64_t i = 0; i < 100; ++i) {
    json.Unsigned(i);
    text += json.Take();
  }
  json.EndArray().EndObject();
  text += json.Take();

  EXPECT_EQ(nlohmann::json::parse(text)["items"].size(), 100u);
}

}  // namespace
}  // namespace batuta::client
