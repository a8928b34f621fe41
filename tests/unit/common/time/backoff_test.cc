#include "common/time/backoff.h"

#include <limits>

#include <gtest/gtest.h>

namespace batuta {
namespace {

using std::chrono::milliseconds;

constexpr BackoffPolicy kPolicy;  // 1 s, doubled, at most 60 s

TEST(NextDelayTest, DoublesUpToTheCap) {
  struct {
    int attempt;
    milliseconds longest;
  } const cases[] = {{1, milliseconds(1'000)},  {2, milliseconds(2'000)},  {3, milliseconds(4'000)},
                     {6, milliseconds(32'000)}, {7, milliseconds(60'000)}, {1'000'000, milliseconds(60'000)},
                     {0, milliseconds(1'000)},  {-5, milliseconds(1'000)}};

  for (const auto& expected : cases) {
    EXPECT_EQ(NextDelay(kPolicy, expected.attempt, std::nullopt, 0.0), expected.longest) << expected.attempt;
    EXPECT_EQ(NextDelay(kPolicy, expected.attempt, std::nullopt, 0.5), expected.longest / 2)
        << expected.attempt;
  }
}

TEST(NextDelayTest, IsNeverShorterThanTenMilliseconds) {
  EXPECT_EQ(NextDelay(kPolicy, 1, std::nullopt, 0.999999), milliseconds(10));
  EXPECT_EQ(NextDelay({milliseconds(0), 2.0, milliseconds(0)}, 1, std::nullopt, 0.0), milliseconds(10));
  EXPECT_EQ(NextDelay(kPolicy, 1, milliseconds(0), 0.0), milliseconds(10));
  EXPECT_EQ(NextDelay(kPolicy, 1, milliseconds(-5'000), 0.0), milliseconds(10));
}

TEST(NextDelayTest, WhatTheServerAskedForWins) {
  EXPECT_EQ(NextDelay(kPolicy, 9, milliseconds(2'000), 0.0), milliseconds(2'000));
  EXPECT_EQ(NextDelay(kPolicy, 9, milliseconds(2'000), 0.5), milliseconds(2'100));
  EXPECT_EQ(NextDelay(kPolicy, 1, milliseconds(300'000), 0.0), milliseconds(300'000)) << "beyond the cap too";
  EXPECT_EQ(NextDelay(kPolicy, 1, milliseconds(300'000), 0.5), milliseconds(300'500))
      << "the extra is at most 1 s";
}

TEST(NextDelayTest, StaysInRangeForAbsurdInput) {
  EXPECT_GE(NextDelay(kPolicy, 1, milliseconds::max(), 0.9), milliseconds::max() - milliseconds(1'000));
  EXPECT_EQ(NextDelay(kPolicy, std::numeric_limits<int>::max(), std::nullopt, 0.0), milliseconds(60'000));
  EXPECT_EQ(NextDelay({milliseconds(1'000), 0.1, milliseconds(60'000)}, 5, std::nullopt, 0.0),
            milliseconds(1'000));
  EXPECT_EQ(NextDelay(kPolicy, 1, std::nullopt, 7.0), milliseconds(10));
  EXPECT_EQ(NextDelay(kPolicy, 1, std::nullopt, -7.0), milliseconds(1'000));
}

}  // namespace
}  // namespace batuta
