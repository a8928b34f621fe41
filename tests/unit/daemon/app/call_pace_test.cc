#include "daemon/app/call_pace.h"

#include <chrono>

#include <gtest/gtest.h>

#include "tests/support/clock/fake_clock.h"

namespace batuta::app {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

constexpr SteadyTime kStart{1h};

Duration AddMany(CallPace& pace, int count, SteadyTime now) {
  Duration last{};
  for (int i = 0; i < count; ++i) last = pace.Add(now);
  return last;
}

TEST(CallPaceTest, ABurstWaitsForNothing) {
  CallPace pace;
  EXPECT_EQ(AddMany(pace, static_cast<int>(CallPace::kBurst), kStart), 0s);
  EXPECT_EQ(pace.Add(kStart), 200us);
  EXPECT_EQ(AddMany(pace, 99, kStart), 20ms);
}

TEST(CallPaceTest, ThoseOfASteadyPaceNeverWait) {
  CallPace pace;
  SteadyTime now = kStart;
  for (int i = 0; i < 50'000; ++i) {
    ASSERT_EQ(pace.Add(now), 0s) << i;
    now += 200us;
  }
}

TEST(CallPaceTest, WhoAsksAnewAtEachAnswerIsServedAtThePace) {
  CallPace pace;
  SteadyTime now = kStart;
  for (int i = 0; i < 20'000; ++i) now += pace.Add(now);
  const std::chrono::duration<double> expected((20'000 - CallPace::kBurst) / CallPace::kPerSecond);
  EXPECT_NEAR(std::chrono::duration<double>(now - kStart).count(), expected.count(), 0.1);
}

TEST(CallPaceTest, NoneWaitsForMoreThanAConnectionMayHaveUnderWay) {
  CallPace pace;
  EXPECT_EQ(AddMany(pace, 1'000'000, kStart), 20ms);
  EXPECT_EQ(pace.Add(kStart + 21ms), 0s);
}

TEST(CallPacesTest, OneConnectionDoesNotHoldAnotherBack) {
  FakeClock clock;
  CallPaces paces(clock);
  for (int i = 0; i < 10'000; ++i) paces.Add("fd:7");
  EXPECT_GT(paces.Add("fd:7"), 0s);
  EXPECT_EQ(paces.Add("fd:8"), 0s);
}

}  // namespace
}  // namespace batuta::app
