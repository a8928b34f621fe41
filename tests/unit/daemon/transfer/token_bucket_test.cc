#include "daemon/transfer/token_bucket.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart = SteadyTime(std::chrono::hours(5));

// What `takers` get in `span` who all want more at once, each as late as `lateness` when its turn has come.
uint64_t TakenIn(TokenBucket& bucket, int takers, Duration lateness, Duration span) {
  const uint64_t piece = PieceAt(bucket.bytes_per_second());
  std::vector<SteadyTime> ready(static_cast<size_t>(takers), kStart);
  uint64_t taken = 0;
  while (true) {
    const auto next = std::ranges::min_element(ready);
    if (*next > kStart + span) return taken;
    const SteadyTime now = *next;
    const SteadyTime from = bucket.Promise(piece, now);
    *next = from <= now ? now : from + lateness;
    if (std::max(from, now) <= kStart + span) taken += piece;
  }
}

TEST(TokenBucketTest, KeepsToTheRateWithinATenthOverThreeSeconds) {
  struct Case {
    uint64_t bytes_per_second;
    int takers;
    milliseconds lateness;
  };

  const Case kCases[] = {
      {64'000, 1, milliseconds(0)},        {64'000, 8, milliseconds(0)},
      {64'000, 8, milliseconds(30)},       {64'000, 1, milliseconds(60)},
      {1'000'000, 3, milliseconds(10)},    {50'000'000, 1, milliseconds(0)},
      {50'000'000, 8, milliseconds(15)},   {50'000'000, 1, milliseconds(60)},
      {1'000'000'000, 8, milliseconds(1)},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.bytes_per_second);
    TokenBucket bucket;
    bucket.SetRate(each.bytes_per_second);
    const auto taken = static_cast<double>(TakenIn(bucket, each.takers, each.lateness, seconds(3)));
    const double wanted = 3.0 * static_cast<double>(each.bytes_per_second);
    EXPECT_GE(taken, 0.9 * wanted);
    EXPECT_LE(taken, 1.1 * wanted);
  }
}

TEST(TokenBucketTest, PromisesOneAfterTheOther) {
  TokenBucket bucket;
  bucket.SetRate(1'000);
  EXPECT_EQ(bucket.Promise(100, kStart), kStart - milliseconds(100)) << "what was not used lately";
  EXPECT_EQ(bucket.Promise(100, kStart), kStart);
  EXPECT_EQ(bucket.Promise(500, kStart), kStart + milliseconds(100));
  EXPECT_EQ(bucket.Promise(1, kStart), kStart + milliseconds(600));
}

TEST(TokenBucketTest, IdleTimeGivesATenthOfASecondAndNoMore) {
  TokenBucket bucket;
  bucket.SetRate(1'000);
  bucket.Promise(100, kStart);
  const SteadyTime later = kStart + seconds(60);
  EXPECT_EQ(bucket.Promise(100, later), later - milliseconds(100));
  EXPECT_EQ(bucket.Promise(100, later), later);
  EXPECT_GT(bucket.Promise(100, later), later);
}

TEST(TokenBucketTest, ANewRateForgetsWhatWasPromised) {
  TokenBucket bucket;
  bucket.SetRate(10);
  bucket.Promise(1'000, kStart);
  EXPECT_GT(bucket.Promise(1, kStart), kStart + seconds(90));
  bucket.SetRate(1'000);
  EXPECT_LE(bucket.Promise(1, kStart), kStart);
  bucket.SetRate(0);
  EXPECT_EQ(bucket.Promise(1'000'000, kStart), kStart);
  EXPECT_EQ(bucket.Promise(1'000'000, kStart), kStart);
}

TEST(TokenBucketTest, PiecesAndConnectionsFollowTheRate) {
  struct Case {
    uint64_t bytes_per_second;
    uint64_t piece;
    int connections;
  };

  const Case kCases[] = {
      {1, 1'024, 1},
      {64'000, 1'280, 1},
      {1'048'576, 20'971, 4},
      {50'000'000, 1'000'000, 190},
      {5'000'000'000, 1'048'576, 19'073},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.bytes_per_second);
    EXPECT_EQ(PieceAt(each.bytes_per_second), each.piece);
    EXPECT_EQ(ConnectionsAt(each.bytes_per_second), each.connections);
  }
  EXPECT_GT(ConnectionsAt(0), 1'000'000);
}

}  // namespace
}  // namespace batuta::transfer
