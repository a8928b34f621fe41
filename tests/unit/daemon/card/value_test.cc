#include "daemon/card/value.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::card {
namespace {

using ::testing::ElementsAre;

TEST(ValueTest, NumbersStayAsTheyWereWritten) {
  for (const absl::StatusOr<Value>& value :
       {ParseJson(R"({"b": 0.10, "a": 1e-05, "c": 7})"), ParseYaml("b: 0.10\na: 1e-05\nc: 7\n"),
        ParseToml("b = 0.10\na = 1e-05\nc = 7\n")}) {
    ASSERT_THAT(value, IsOk());
    EXPECT_THAT(value->names, ElementsAre("b", "a", "c"));
    EXPECT_EQ(value->Text("b"), "0.10");
    EXPECT_EQ(value->Text("a"), "1e-05");
    EXPECT_EQ(value->Find("c")->kind, Value::Kind::kNumber);
  }
}

TEST(ValueTest, TomlNumbersOfOtherFormsAreOnesOfJson) {
  const absl::StatusOr<Value> value =
      ParseToml("a = 1_024\nb = 0x10\nc = +1.5\nd = nan\ne = 2026-02-11\nf = {g = 0.50}\n");
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(value->Text("a"), "1024");
  EXPECT_EQ(value->Text("b"), "16");
  EXPECT_EQ(value->Text("c"), "1.5");
  EXPECT_EQ(value->Find("d")->kind, Value::Kind::kNull);
  EXPECT_EQ(value->Text("e"), "2026-02-11");
  EXPECT_EQ(value->Find("f")->Text("g"), "0.50");
}

TEST(ValueTest, QuotedTextOfYamlIsText) {
  const absl::StatusOr<Value> value = ParseYaml("a: '7'\nb: 7\nc: true\nd: ~\ne: !!str 8\nf: no\n");
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(value->Find("a")->kind, Value::Kind::kText);
  EXPECT_EQ(value->Find("b")->kind, Value::Kind::kNumber);
  EXPECT_EQ(value->Find("c")->kind, Value::Kind::kBool);
  EXPECT_EQ(value->Find("d")->kind, Value::Kind::kNull);
  EXPECT_EQ(value->Find("e")->kind, Value::Kind::kText);
  EXPECT_EQ(value->Find("f")->kind, Value::Kind::kText);
}

TEST(ValueTest, WhatPythonWritesIntoItsJsonIsNull) {
  const absl::StatusOr<Value> value = ParseJson(R"({"a": NaN, "b": [-Infinity, 1], "c": "NaN \" NaN"})");
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(value->Find("a")->kind, Value::Kind::kNull);
  EXPECT_EQ(value->Find("b")->items[1].text, "1");
  EXPECT_EQ(value->Text("c"), "NaN \" NaN");
}

TEST(ValueTest, HostileDocumentsEndAtALimit) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) bomb += std::string(i == 0 ? "*" : ",*") + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(ParseYaml(bomb), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_FALSE(ParseYaml("a: &a [*a, *a]\n").ok());
  EXPECT_FALSE(ParseYaml(std::string(100'000, '[')).ok());
  EXPECT_FALSE(ParseJson(std::string(100'000, '[')).ok());
  EXPECT_FALSE(ParseToml("a = " + std::string(100'000, '[')).ok());
  EXPECT_FALSE(ParseJson(R"({"a": 1)").ok());
  EXPECT_THAT(ParseJson("[1,2,3]", {.values = 3, .depth = 4}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(ParseJson("[[[1]]]", {.values = 9, .depth = 2}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ValueTest, LinesThatAreNoJsonArePassedOver) {
  const absl::StatusOr<Value> value = ParseJsonLines("{\"a\": 1}\r\n\nx\n{\"a\": 2}");
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(value->items.size(), 2u);
  EXPECT_FALSE(ParseJsonLines("x\ny\n").ok());
}

TEST(IsNumberTest, IsWhatJsonSays) {
  for (const char* text : {"0", "-0", "10", "0.10", "1e5", "1E+5", "-1.5e-05"})
    EXPECT_TRUE(IsNumber(text)) << text;
  for (const char* text : {"", "-", "01", "1.", ".5", "1e", "+1", "0x1", "1_0", "nan", "1 "}) {
    EXPECT_FALSE(IsNumber(text)) << text;
  }
}

}  // namespace
}  // namespace batuta::card
