#include "common/log/log.h"

#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/log/recent_events.h"
#include "common/types/secret.h"

namespace batuta {
namespace {

using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  // What `act` writes to stderr.
  template <typename Act>
  static std::string Capture(Act act) {
    ::testing::internal::CaptureStderr();
    act();
    return ::testing::internal::GetCapturedStderr();
  }

  void SetUp() override { InitLogging(LogLevel::kInfo, false); }
};

TEST_F(LogTest, LineHasTimeLevelMessageAndFields) {
  const std::string line =
      Capture([] { LogInfo("pull finished", Field("job", "8f2"), Field("bytes", 4976698672)); });
  EXPECT_THAT(line,
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z info  pull "
                           "finished job=8f2 bytes=4976698672\n"));
  EXPECT_THAT(Capture([] { LogError("x"); }), EndsWith("Z error x\n"));
  EXPECT_THAT(Capture([] { LogWarn("x"); }), EndsWith("Z warn  x\n"));
}

TEST_F(LogTest, ForTheJournalTheLevelIsANumberAndThereIsNoTime) {
  InitLogging(LogLevel::kTrace, true);
  EXPECT_EQ(Capture([] { LogError("m", Field("a", 1)); }), "<3>m a=1\n");
  EXPECT_EQ(Capture([] { LogWarn("m"); }), "<4>m\n");
  EXPECT_EQ(Capture([] { LogInfo("m"); }), "<6>m\n");
  EXPECT_EQ(Capture([] { LogDebug("m"); }), "<7>m\n");
  EXPECT_EQ(Capture([] { LogTrace("m"); }), "<7>m\n");
}

TEST_F(LogTest, BelowTheLevelNothingIsWritten) {
  EXPECT_THAT(Capture([] { LogDebug("m"); }), IsEmpty());
  SetLogLevel(LogLevel::kWarn);
  EXPECT_EQ(GetLogLevel(), LogLevel::kWarn);
  EXPECT_THAT(Capture([] { LogInfo("m"); }), IsEmpty());
  SetLogLevel(LogLevel::kOff);
  EXPECT_THAT(Capture([] { LogError("m"); }), IsEmpty());
}

TEST_F(LogTest, NoValueCanForgeALineOrAField) {
  InitLogging(LogLevel::kInfo, true);
  const std::pair<std::string, std::string> cases[] = {
      {"plain/value-1.0", "plain/value-1.0"},
      {"", "\"\""},
      {"two words", "\"two words\""},
      {"a=b", "\"a=b\""},
      {"say \"x\"", "\"say \\\"x\\\"\""},
      {"back\\slash", "\"back\\\\slash\""},
      {"x\n<3>forged job=1", "\"x\\x0a<3>forged job=1\""},
      {"x\r\x1b[2K", "\"x\\x0d\\x1b[2K\""},
      {"\xc2\x85next", "\\u{85}next"},
      {"\xe2\x80\xaegpj", "\\u{202e}gpj"},
      {"\xff", "\\xff"},
      {std::string("a\0b", 3), "\"a\\x00b\""},
      {"日本", "日本"},
  };
  for (const auto& [text, shown] : cases) {
    const std::string& value = text;  // Clang 14 does not capture structured bindings
    EXPECT_EQ(Capture([&value] { LogInfo("m", Field("v", value)); }), "<6>m v=" + shown + "\n");
  }
}

TEST_F(LogTest, LongValuesAreCut) {
  InitLogging(LogLevel::kInfo, true);
  const std::string line = Capture([] { LogInfo("m", Field("v", std::string(1'000'000, 'x'))); });
  EXPECT_LT(line.size(), 5'000u);
  EXPECT_THAT(line, EndsWith("…\"\n"));
}

template <typename Value>
concept Loggable = fmt::is_formattable<Value>::value;

TEST_F(LogTest, ASecretCannotBeLogged) {
  static_assert(Loggable<std::string> && Loggable<int> && Loggable<std::string_view>);
  static_assert(!Loggable<Secret>);
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  InitLogging(LogLevel::kInfo, true);
  const std::string text = Capture([] {
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int n = 0; n < 200; ++n) {
          LogInfo("line", Field("payload", "0123456789"));
          SetLogLevel(LogLevel::kInfo);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  std::istringstream lines(text);
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) ASSERT_EQ(line, "<6>line payload=0123456789");
  EXPECT_EQ(count, 800u);
}

TEST_F(LogTest, WarningsAreKeptWhateverTheLevel) {
  const auto kept = std::make_shared<RecentEvents>(2);
  KeepWarningsIn(kept);
  SetLogLevel(LogLevel::kOff);
  EXPECT_THAT(Capture([] {
                LogInfo("not kept");
                LogWarn("first");
                LogWarn("second", Field("path", "/a b"));
                LogError("third", Field("n", 3));
              }),
              IsEmpty());
  KeepWarningsIn(nullptr);
  LogError("nobody hears it");

  const std::vector<LogEvent> events = kept->Newest();
  ASSERT_EQ(events.size(), 2u) << "the oldest is gone";
  EXPECT_EQ(events[0].message, "third");
  EXPECT_EQ(events[0].level, LogLevel::kError);
  EXPECT_EQ(events[0].fields, "n=3");
  EXPECT_EQ(events[1].fields, "path=\"/a b\"");
  EXPECT_LE(events[1].time, events[0].time);
  EXPECT_EQ(kept->Count(LogLevel::kWarn), 2u) << "what is gone was counted";
  EXPECT_EQ(kept->Count(LogLevel::kError), 1u);
  EXPECT_EQ(kept->Count(LogLevel::kInfo), 0u);
}

TEST_F(LogTest, OfOneEventNoMoreIsKeptThanFits) {
  RecentEvents kept(1);
  std::string long_text;
  while (long_text.size() < 10 * RecentEvents::kMostFieldBytes) long_text += "é";
  kept.Add({.time = {}, .level = LogLevel::kWarn, .message = "m", .fields = "x" + long_text});
  const std::string fields = kept.Newest().front().fields;
  EXPECT_LE(fields.size(), RecentEvents::kMostFieldBytes + 3);
  EXPECT_THAT(fields, EndsWith("é…"));
}

TEST(LogLevelTest, IsReadAndWrittenByName) {
  for (const std::string_view name : {"trace", "debug", "info", "warn", "error", "off"}) {
    LogLevel level = LogLevel::kOff;
    EXPECT_TRUE(ParseLogLevel(name, &level));
    EXPECT_EQ(ToString(level), name);
  }
  LogLevel level = LogLevel::kWarn;
  for (const std::string_view text : {"", "INFO", "warning", "info "})
    EXPECT_FALSE(ParseLogLevel(text, &level));
  EXPECT_EQ(level, LogLevel::kWarn);
}

}  // namespace
}  // namespace batuta
