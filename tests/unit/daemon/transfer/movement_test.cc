#include "daemon/transfer/movement.h"

#include <chrono>

#include <gtest/gtest.h>

namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Samples ten times a second for `duration`, at a steady rate.
SteadyTime Go(Movement& movement, SteadyTime now, Duration duration, uint64_t bytes_per_second,
              uint64_t* received, bool is_held_back = false) {
  for (Duration done{0}; done < duration; done += milliseconds(100)) {
    now += milliseconds(100);
    *received += bytes_per_second / 10;
    movement.Sample(now, *received, is_held_back);
  }
  return now;
}

TEST(MovementTest, IsQuietSinceTheLastByte) {
  SteadyTime now;
  uint64_t received = 0;
  Movement movement(now);
  now = Go(movement, now, seconds(3), 0, &received);
  EXPECT_EQ(movement.quiet(now), seconds(3));

  now = Go(movement, now, milliseconds(100), 1'000, &received);
  EXPECT_EQ(movement.quiet(now), seconds(0));

  now = Go(movement, now, seconds(2), 0, &received);
  EXPECT_EQ(movement.quiet(now), seconds(2));
}

TEST(MovementTest, TimeHeldBackIsNotQuiet) {
  SteadyTime now;
  uint64_t received = 0;
  Movement movement(now);
  now = Go(movement, now, seconds(60), 0, &received, true);
  EXPECT_EQ(movement.quiet(now), seconds(0));
  EXPECT_EQ(movement.free_for(now), seconds(0));
}

TEST(MovementTest, RateFollowsAChangeWithinSeconds) {
  SteadyTime now;
  uint64_t received = 0;
  Movement movement(now);
  now = Go(movement, now, milliseconds(100), 1'000'000, &received);
  EXPECT_NEAR(static_cast<double>(movement.bytes_per_second()), 1e6, 1e4);
  now = Go(movement, now, seconds(5), 100'000, &received);
  EXPECT_NEAR(static_cast<double>(movement.bytes_per_second()), 1e5, 1e4);
}

TEST(IsLaggardTest, OnlyWhoIsFarSlowerForLongWithMuchLeft) {
  struct Case {
    const char* what;
    uint64_t rate;
    seconds since;
    bool is_held_back;
    uint64_t rest;
    uint64_t usual;
    bool expected;
  };

  const Case kCases[] = {
      {"far slower", 10'000, seconds(6), false, 1'000'000, 1'000'000, true},
      {"silent", 0, seconds(6), false, 1'000'000, 1'000'000, true},
      {"half as fast", 500'000, seconds(6), false, 100'000'000, 1'000'000, false},
      {"not for long", 10'000, seconds(3), false, 1'000'000, 1'000'000, false},
      {"nearly through", 10'000, seconds(6), false, 40'000, 1'000'000, false},
      {"held back by us", 10'000, seconds(6), true, 1'000'000, 1'000'000, false},
      {"nobody to compare with", 10'000, seconds(6), false, 1'000'000, 0, false},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    SteadyTime now;
    uint64_t received = 0;
    Movement movement(now);
    now = Go(movement, now, each.since, each.rate, &received, each.is_held_back);
    EXPECT_EQ(IsLaggard(movement, now, each.rest, each.usual), each.expected);
  }
}

}  // namespace
}  // namespace batuta::transfer
