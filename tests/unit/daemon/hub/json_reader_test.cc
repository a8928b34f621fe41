#include "daemon/hub/json_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<std::vector<std::string>> Records(std::string_view text, const JsonBounds& bounds = {}) {
  std::vector<std::string> records;
  const absl::Status status = ReadRecords(text, bounds, [&](const nlohmann::json& record) {
    records.push_back(record.dump());
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return records;
}

TEST(JsonReaderTest, ReadsAnObjectAsItIs) {
  const std::string text = R"({"a":[1,-2,3.5,{"b":null}],"c":{"d":{"e":[[],{}]}},"f":true,"g":"\u00e9"})";
  ASSERT_OK_AND_ASSIGN(const nlohmann::json object, ReadObject(text, {}));
  EXPECT_EQ(object, nlohmann::json::parse(text));
}

TEST(JsonReaderTest, ReadsTheElementsOfAnArrayOneByOne) {
  EXPECT_THAT(Records(R"([{"a":1},[2,[3]],"x",4,null,{}])"),
              IsOkAndHolds(ElementsAre(R"({"a":1})", "[2,[3]]", R"("x")", "4", "null", "{}")));
  EXPECT_THAT(Records("[]"), IsOkAndHolds(ElementsAre()));
}

TEST(JsonReaderTest, CountsWhereOnlyTheNumberMatters) {
  ASSERT_OK_AND_ASSIGN(
      const nlohmann::json object,
      ReadObject(R"({"id":"x","siblings":[{"r":["s",{}]},{"r":"b"},[[]],7],"end":{"siblings":[1]}})",
                 JsonBounds{.count_only = "siblings"}));
  EXPECT_EQ(object.dump(), R"({"end":{"siblings":[1]},"id":"x","siblings":4})");
}

TEST(JsonReaderTest, CountedElementsDoNotCountAgainstTheBound) {
  std::string text = R"({"siblings":[)";
  for (int i = 0; i < 5'000; ++i) text += "{\"r\":1},";
  text += "{}]}";
  ASSERT_OK_AND_ASSIGN(const nlohmann::json object,
                       ReadObject(text, {.max_values = 10, .count_only = "siblings"}));
  EXPECT_EQ(UnsignedMember(object, "siblings"), 5'001U);
}

TEST(JsonReaderTest, SaysWhatIsNoJson) {
  for (const std::string_view text : {"", " ", "<html>", "{", "{\"a\":}", "{\"a\":1}x", "{\"a\":1", "[1,2",
                                      "nul", "{\"a\":\"\xff\"}", "{'a':1}", "{\"a\":1e999}", "\x00"}) {
    EXPECT_THAT(ReadObject(text, {}), HasReason("HUB_PROTOCOL")) << text;
    EXPECT_THAT(Records(text), HasReason("HUB_PROTOCOL")) << text;
  }
}

TEST(JsonReaderTest, SaysWhenTheShapeIsAnother) {
  EXPECT_THAT(ReadObject("[]", {}), HasMessage(HasSubstr("no object")));
  EXPECT_THAT(ReadObject("7", {}), HasMessage(HasSubstr("single value")));
  EXPECT_THAT(Records("{}"), HasMessage(HasSubstr("no list")));
  EXPECT_THAT(Records("\"x\""), HasMessage(HasSubstr("single value")));
}

TEST(JsonReaderTest, RefusesDeepNestingWithoutRecursion) {
  const std::string deep(1'000'000, '[');
  EXPECT_THAT(Records(deep), HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(ReadObject(R"({"a":)" + deep, {}), HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(ReadObject(R"({"siblings":)" + deep, {.count_only = "siblings"}), HasReason("HUB_PROTOCOL"));
  EXPECT_THAT(Records("[[[]]]", {.max_depth = 3}), IsOk());
  EXPECT_THAT(Records("[[[[]]]]", {.max_depth = 3}), HasReason("HUB_PROTOCOL"));
}

TEST(JsonReaderTest, BoundsTheValuesOfEachRecord) {
  EXPECT_THAT(Records("[[1,2],[3,4],[5,6]]", {.max_values = 3}), IsOk());
  EXPECT_THAT(Records("[[1,2],[3,4,5],[6]]", {.max_values = 3}), HasReason("ANSWER_TOO_LARGE"));
  EXPECT_THAT(ReadObject(R"({"a":[1,2,3]})", {.max_values = 3}), HasReason("ANSWER_TOO_LARGE"));
}

TEST(JsonReaderTest, StopsWhereTheReceiverStops) {
  int seen = 0;
  const absl::Status status = ReadRecords("[1,2,3,{]", {}, [&](const nlohmann::json&) {
    return ++seen == 2 ? absl::AbortedError("enough") : absl::OkStatus();
  });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(seen, 2);
}

TEST(JsonReaderTest, MembersOfAnotherTypeAreAsGoodAsAbsent) {
  const nlohmann::json object = nlohmann::json::parse(
      R"({"s":"x","n":5,"neg":-1,"frac":1.5,"b":true,"null":null,"list":["a",1,"b",null],"time":"2025-03-04T10:11:12Z"})");
  EXPECT_EQ(StringMember(object, "s"), "x");
  for (const std::string_view name : {"n", "b", "null", "list", "absent"}) {
    EXPECT_EQ(StringMember(object, name), "") << name;
  }
  EXPECT_EQ(UnsignedMember(object, "n"), 5U);
  for (const std::string_view name : {"s", "neg", "frac", "b", "null", "absent"}) {
    EXPECT_EQ(UnsignedMember(object, name), std::nullopt) << name;
  }
  EXPECT_TRUE(BoolMember(object, "b"));
  EXPECT_FALSE(BoolMember(object, "n"));
  EXPECT_TRUE(TimeMember(object, "time"));
  EXPECT_FALSE(TimeMember(object, "s"));
  EXPECT_THAT(StringsMember(object, "list", 9), ElementsAre("a", "b"));
  EXPECT_THAT(StringsMember(object, "list", 1), ElementsAre("a"));
  EXPECT_THAT(StringsMember(object, "s", 9), ElementsAre("x"));
  EXPECT_THAT(StringsMember(object, "n", 9), ElementsAre());
  EXPECT_TRUE(Member(nlohmann::json(7), "a").is_null());
}

}  // namespace
}  // namespace batuta::hub
