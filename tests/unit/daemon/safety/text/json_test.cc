#include "daemon/safety/text/json.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace batuta::safety {
namespace {

using Kind = JsonFault::Kind;

// All tokens as a line: "{ k:a 1 [ true ] }", strings in single quotes, "!" and the rest of it where it
// breaks.
std::string Read(std::string_view text, const JsonOptions& options = {}) {
  MemorySource source(text);
  JsonReader reader(source, options);
  std::string out;
  const auto say = [&out](std::string_view word) { out.append(out.empty() ? "" : " ").append(word); };
  while (true) {
    switch (reader.Next()) {
      case JsonToken::kBeginObject:
        say("{");
        break;
      case JsonToken::kEndObject:
        say("}");
        break;
      case JsonToken::kBeginArray:
        say("[");
        break;
      case JsonToken::kEndArray:
        say("]");
        break;
      case JsonToken::kKey:
        say("k:" + std::string(reader.text()));
        break;
      case JsonToken::kString:
        say("'" + std::string(reader.text()) + "'");
        break;
      case JsonToken::kNumber:
        say(reader.text());
        break;
      case JsonToken::kTrue:
        say("true");
        break;
      case JsonToken::kFalse:
        say("false");
        break;
      case JsonToken::kNull:
        say("null");
        break;
      case JsonToken::kEnd:
        return out;
      case JsonToken::kFault:
        return out + " !" + std::to_string(reader.fault().offset);
    }
  }
}

JsonFault FaultOf(std::string_view text, const JsonOptions& options = {}) {
  MemorySource source(text);
  JsonReader reader(source, options);
  while (reader.Next() != JsonToken::kFault) {
    if (reader.token() == JsonToken::kEnd) return {.kind = Kind::kSyntax, .offset = 0, .text = "no fault"};
  }
  EXPECT_EQ(reader.Next(), JsonToken::kFault);
  return reader.fault();
}

TEST(Json, GivesEveryToken) {
  EXPECT_EQ(Read(R"({"a": [1, -2.5e+3, true, false, null, "x"], "b": {"c": {}}, "d": []})"),
            "{ k:a [ 1 -2.5e+3 true false null 'x' ] k:b { k:c { } } k:d [ ] }");
  EXPECT_EQ(Read(" \t\r\n0 \n"), "0");
  EXPECT_EQ(Read(R"("")"), "''");
}

TEST(Json, DecodesEscapes) {
  EXPECT_EQ(Read(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00")"), "'\"\\/\b\f\n\r\tAé😀'");
  EXPECT_EQ(Read(R"({"\u0061uto\u005fmap": 1})"), "{ k:auto_map 1 }");
  EXPECT_EQ(Read("\"é漢😀\""), "'é漢😀'");
}

TEST(Json, RefusesWhatIsNoJson) {
  struct Case {
    std::string_view text;
    Kind kind;
    uint64_t offset;
  };

  const Case cases[] = {
      {"", Kind::kCutOff, 0},
      {"{", Kind::kCutOff, 1},
      {"[1", Kind::kCutOff, 2},
      {"\"ab", Kind::kCutOff, 3},
      {"\"ab\\", Kind::kCutOff, 4},
      {"tru", Kind::kCutOff, 3},
      {"{\"a\"", Kind::kCutOff, 4},
      {"[1,]", Kind::kSyntax, 3},
      {"[,1]", Kind::kSyntax, 1},
      {"[1 2]", Kind::kSyntax, 3},
      {"{\"a\":1,}", Kind::kSyntax, 7},
      {"{\"a\" 1}", Kind::kSyntax, 5},
      {"{a:1}", Kind::kSyntax, 1},
      {"{'a':1}", Kind::kSyntax, 1},
      {"[1}", Kind::kSyntax, 2},
      {"{\"a\":1]", Kind::kSyntax, 6},
      {"]", Kind::kSyntax, 0},
      {"// x\n1", Kind::kSyntax, 0},
      {"\xEF\xBB\xBF{}", Kind::kSyntax, 0},
      {"NaN", Kind::kSyntax, 0},
      {"-Infinity", Kind::kSyntax, 0},
      {"01", Kind::kSyntax, 0},
      {"+1", Kind::kSyntax, 0},
      {"1.", Kind::kSyntax, 0},
      {".5", Kind::kSyntax, 0},
      {"1e", Kind::kSyntax, 0},
      {"-", Kind::kSyntax, 0},
      {"1-2", Kind::kSyntax, 0},
      {"0x10", Kind::kTrailing, 1},
      {"True", Kind::kSyntax, 0},
      {"\"a\nb\"", Kind::kSyntax, 2},
      {R"("\x41")", Kind::kSyntax, 1},
      {R"("\u00g0")", Kind::kSyntax, 5},
      {"\"\xff\"", Kind::kText, 1},
      {"\"\xc0\x80\"", Kind::kText, 1},
      {"\"\xed\xa0\x80\"", Kind::kText, 1},
      {"\"\xe2\x82\"", Kind::kText, 1},
      {R"("\ud83d")", Kind::kText, 1},
      {R"("\ud83d\u0041")", Kind::kText, 1},
      {R"("\ude00")", Kind::kText, 1},
      {"{} {}", Kind::kTrailing, 3},
      {"1\n2", Kind::kTrailing, 2},
      {std::string_view("{}\0", 3), Kind::kTrailing, 2},
      {R"({"a":1,"b":{"a":2},"a":3})", Kind::kDuplicateKey, 19},
      {R"({"a":1,"\u0061":3})", Kind::kDuplicateKey, 7},
      {R"([[{"x":{"":1,"":2}}]])", Kind::kDuplicateKey, 13},
  };
  for (const Case& c : cases) {
    const JsonFault fault = FaultOf(c.text);
    EXPECT_EQ(fault.kind, c.kind) << c.text << ": " << fault.text;
    EXPECT_EQ(fault.offset, c.offset) << c.text << ": " << fault.text;
  }
}

TEST(Json, FindsADuplicateAmongManyKeys) {
  std::string text = "{";
  for (int i = 0; i < 1'000; ++i) text += "\"key " + std::to_string(i) + "\":{\"key 1\":0},";
  EXPECT_EQ(FaultOf(text + "\"key 500\":1}").kind, Kind::kDuplicateKey);
  EXPECT_TRUE(Read(text + "\"key\":1}").ends_with("k:key 1 }"));
}

TEST(Json, TakesAllOfALongTextWhereverItsBufferEnds) {
  std::string text = "[";
  std::string expected = "[";
  for (int i = 0; i < 40'000; ++i) {
    const std::string name = std::string(static_cast<size_t>(i % 13), 'x') + "é" + std::to_string(i);
    text += (i == 0 ? "\"" : ",\"") + name + "\\n\"";
    expected += " '" + name + "\n'";
  }
  ASSERT_GT(text.size(), 4 * ByteReader::kBufferBytes);
  EXPECT_EQ(Read(text + "]"), expected + " ]");
  const std::string plain(3 * ByteReader::kBufferBytes, 'y');
  EXPECT_EQ(Read("\"" + plain + "\""), "'" + plain + "'");
}

TEST(Json, HoldsItsLimits) {
  EXPECT_EQ(FaultOf("[[[1]]]", {.depth = 2}).kind, Kind::kTooDeep);
  EXPECT_EQ(Read("[[1],[2]]", {.depth = 2}), "[ [ 1 ] [ 2 ] ]");
  EXPECT_EQ(FaultOf(R"({"abcd":1})", {.string_bytes = 3}).kind, Kind::kTooMuch);
  EXPECT_EQ(FaultOf(R"({"a":{"b":1,"c":2}})", {.keys = 2}).kind, Kind::kTooMuch);
  EXPECT_EQ(Read(R"([{"a":1,"b":2},{"a":1,"b":2}])", {.keys = 2}), "[ { k:a 1 k:b 2 } { k:a 1 k:b 2 } ]");
  EXPECT_EQ(FaultOf(std::string(5'000, '1')).kind, Kind::kTooMuch);
}

TEST(Json, KeepsTheBeginningOfALongString) {
  for (const std::string_view text : {R"("abcdef")", R"("ab\u0063def")"}) {
    MemorySource source(text);
    JsonReader reader(source, {.string_bytes = 4});
    ASSERT_EQ(reader.Next(), JsonToken::kString);
    EXPECT_EQ(reader.text(), "abcd");
    EXPECT_EQ(reader.text_bytes(), 6U);
  }
  MemorySource source(R"("abcéf")");
  JsonReader reader(source, {.string_bytes = 4});
  ASSERT_EQ(reader.Next(), JsonToken::kString);
  EXPECT_EQ(reader.text(), "abc") << "no half characters, and nothing after the first that had no room";
}

TEST(Json, TakesWhatPythonWritesWhenAsked) {
  EXPECT_EQ(Read("[NaN, Infinity, -Infinity]", {.non_finite = true}), "[ NaN Infinity -Infinity ]");
  EXPECT_EQ(FaultOf("-Infinit", {.non_finite = true}).kind, Kind::kCutOff);
}

TEST(Json, TakesManyValuesWhenAsked) {
  EXPECT_EQ(Read("{\"a\":1}\n{\"a\":2}\n\n3", {.many_values = true}), "{ k:a 1 } { k:a 2 } 3");
  EXPECT_EQ(Read("", {.many_values = true}), "");
  EXPECT_EQ(FaultOf("1 {", {.many_values = true}).kind, Kind::kCutOff);
}

TEST(Json, SkipsWhatIsNotWanted) {
  MemorySource source(R"({"a": {"x": [1, {"y": 2}]}, "b": 3, "c": 4})");
  JsonReader reader(source);
  ASSERT_EQ(reader.Next(), JsonToken::kBeginObject);
  ASSERT_EQ(reader.Next(), JsonToken::kKey);
  ASSERT_TRUE(reader.SkipRest());
  ASSERT_EQ(reader.Next(), JsonToken::kKey);
  EXPECT_EQ(reader.text(), "b");
  EXPECT_EQ(reader.token_offset(), 28U);
  ASSERT_TRUE(reader.SkipRest());
  ASSERT_EQ(reader.Next(), JsonToken::kKey);
  EXPECT_EQ(reader.text(), "c");
  EXPECT_EQ(reader.depth(), 1);
}

TEST(Json, TellsWhenReadingFailed) {
  class Broken final : public ByteSource {
   public:
    uint64_t size_bytes() const override { return 10; }

    absl::Status Read(uint64_t, std::span<char>) override { return absl::OutOfRangeError("not here yet"); }
  };

  Broken source;
  JsonReader reader(source);
  EXPECT_EQ(reader.Next(), JsonToken::kFault);
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kOutOfRange);
}

TEST(PlainInteger, TakesDigitsOnly) {
  EXPECT_EQ(PlainInteger("0"), 0U);
  EXPECT_EQ(PlainInteger("18446744073709551615"), UINT64_MAX);
  for (const std::string_view text :
       {"", "-0", "-1", "+1", "01", "1.0", "1e3", "18446744073709551616", " 1"}) {
    EXPECT_FALSE(PlainInteger(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace batuta::safety
