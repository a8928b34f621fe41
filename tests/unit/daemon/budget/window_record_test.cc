#include "daemon/budget/window_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::budget {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::Eq;
using ::testing::Optional;

constexpr char kHub[] = "https://hub.test";
const WallTime kNow = FromUnixMillis(1'793'607'330'000);

WindowRecord Record(Duration reset_in) {
  WindowRecord record;
  record.state.quota = 500;
  record.state.remaining = 7;
  record.state.resets_at = kNow + std::chrono::duration_cast<WallTime::duration>(reset_in);
  record.state.length = seconds(300);
  record.state.closed = true;
  record.state.learned = true;
  record.saved_at = kNow;
  return record;
}

TEST(WindowRecordTest, KeyLeadsBackToTheWindow) {
  for (const WindowKind kind : kWindowKinds) {
    const WindowKey window{"0a1b2c3d4e5f", kind};
    EXPECT_THAT(ParseRecordKey(kHub, RecordKey(kHub, window)), Optional(Eq(window)));
  }
  for (const char* key : {"", "https://hub.test", "https://hub.test\n", "https://hub.test\nanonymous",
                          "https://hub.test\n\napi", "https://hub.test\nanonymous\ndiscussions",
                          "https://hub.test2\nanonymous\napi"}) {
    EXPECT_EQ(ParseRecordKey(kHub, key), std::nullopt) << key;
  }
}

TEST(WindowRecordTest, SurvivesEncoding) {
  const auto decoded = DecodeRecord(EncodeRecord(Record(seconds(100))));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->state.quota, 500u);
  EXPECT_EQ(decoded->state.remaining, 7u);
  EXPECT_EQ(decoded->state.resets_at, kNow + seconds(100));
  EXPECT_EQ(decoded->state.length, seconds(300));
  EXPECT_TRUE(decoded->state.closed);
  EXPECT_TRUE(decoded->state.learned);
  EXPECT_EQ(decoded->saved_at, kNow);
}

TEST(WindowRecordTest, KeepsWhoSpentWhat) {
  WindowRecord record = Record(seconds(100));
  record.spending = {{.principal = {1000, "train"}, .requests = 12, .waiting = 3},
                     {.principal = {1001, "\xff odd \n"}, .requests = 1}};
  const auto decoded = DecodeRecord(EncodeRecord(record));
  ASSERT_TRUE(decoded.has_value());
  ASSERT_EQ(decoded->spending.size(), 2u);
  EXPECT_EQ(decoded->spending[0].principal, (Principal{1000, "train"}));
  EXPECT_EQ(decoded->spending[0].requests, 12u);
  EXPECT_EQ(decoded->spending[0].waiting, 0u);
}

TEST(WindowRecordTest, ReadsTheRowsOfOlderAndLaterVersions) {
  const std::string older =
      R"({"closed":true,"learned":true,"quota":500,"remaining":7,"resets_at_ms":1793607430000,)"
      R"("saved_at_ms":1793607330000,"v":1,"window_s":300})";
  const auto decoded = DecodeRecord(older);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(decoded->state.closed);
  EXPECT_EQ(ResetIn(*decoded, kNow), seconds(100));
  EXPECT_TRUE(decoded->spending.empty());
  std::string later = older;
  later.insert(1, R"("colour":"blue",)");
  EXPECT_TRUE(DecodeRecord(later).has_value());
}

TEST(WindowRecordTest, RefusesWhatItDidNotWrite) {
  std::string future = EncodeRecord(Record(seconds(1)));
  future.replace(future.find("\"v\":1"), 5, "\"v\":2");
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{\"v\":1}"), future,
        std::string("{\"v\":1,\"quota\":\"x\"}")}) {
    EXPECT_FALSE(DecodeRecord(text).has_value()) << text;
  }
  std::string absurd = EncodeRecord(Record(seconds(0)));
  absurd.replace(absurd.find("1793607330000"), 13, "9223372036854775807");
  EXPECT_FALSE(DecodeRecord(absurd).has_value());
}

TEST(WindowRecordTest, ResetIsNeverFurtherThanItWas) {
  const struct {
    Duration had;
    Duration clock_moved;
    Duration expected;
  } cases[] = {
      {seconds(100), seconds(0), seconds(100)}, {seconds(100), seconds(40), seconds(60)},
      {seconds(100), seconds(100), seconds(0)}, {seconds(100), hours(5), -(hours(5) - seconds(100))},  // over
      {seconds(100), -hours(5), seconds(100)},  // the clock was set back
      {hours(9), seconds(0), hours(1)},         {hours(9), -hours(20'000), hours(1)},
  };

  for (const auto& [had, moved, expected] : cases) {
    const WallTime now = kNow + std::chrono::duration_cast<WallTime::duration>(moved);
    EXPECT_EQ(ResetIn(Record(had), now), expected) << had.count() << " " << moved.count();
  }
}

}  // namespace
}  // namespace batuta::budget
