#include "common/time/clock.h"

#include <limits>

#include <gtest/gtest.h>

namespace batuta {
namespace {

TEST(FormatRfc3339Test, IsUtcWithMilliseconds) {
  struct {
    int64_t millis;
    std::string_view text;
  } const cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                     {1'793'607'330'250, "2026-11-02T08:15:30.250Z"},
                     {951'782'400'000, "2000-02-29T00:00:00.000Z"},
                     {4'107'542'399'999, "2100-02-28T23:59:59.999Z"},
                     {4'107'542'400'000, "2100-03-01T00:00:00.000Z"},
                     {-1, "1969-12-31T23:59:59.999Z"}};

  for (const auto& expected : cases) EXPECT_EQ(FormatRfc3339(FromUnixMillis(expected.millis)), expected.text);
}

TEST(FormatRfc3339Test, CutsBelowAMillisecond) {
  const WallTime time = FromUnixMillis(0) + std::chrono::microseconds(999);
  EXPECT_EQ(FormatRfc3339(time), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatRfc3339(FromUnixMillis(0) - std::chrono::microseconds(1)), "1969-12-31T23:59:59.999Z");
}

TEST(UnixMillisTest, GoThereAndBack) {
  for (const int64_t millis : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1'793'607'330'250}}) {
    EXPECT_EQ(ToUnixMillis(FromUnixMillis(millis)), millis);
  }
}

TEST(UnixMillisTest, ClampWhatTheClockCannotHold) {
  EXPECT_GT(FromUnixMillis(std::numeric_limits<int64_t>::max()), FromUnixMillis(4'000'000'000'000));
  EXPECT_LT(FromUnixMillis(std::numeric_limits<int64_t>::min()), FromUnixMillis(-4'000'000'000'000));
}

TEST(SystemClockTest, SteadyTimeNeverGoesBack) {
  const SystemClock clock;
  const SteadyTime before = clock.steady();
  EXPECT_LE(before, clock.steady());
  EXPECT_GT(clock.wall(), FromUnixMillis(1'600'000'000'000));
}

}  // namespace
}  // namespace batuta
