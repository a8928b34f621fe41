#include "daemon/transfer/connection_governor.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kMost = 16;

// A network, as bytes per second that so many connections bring together.
using Network = std::function<double(int connections)>;

class ConnectionGovernorTest : public ::testing::Test {
 protected:
  // One blob, for so long, read ten times a second.
  void Run(const Network& network, Duration span, bool wants_more = true) {
    for (const SteadyTime end = now_ + span; now_ < end;) {
      now_ += milliseconds(100);
      const int open = 1 + governor_.spare();
      governor_.Observe(now_, {static_cast<uint64_t>(network(open) / 10), open, wants_more});
    }
  }

  static double EachBrings8MB(int connections) { return 8e6 * connections; }

  static double OneBringsItAll(int) { return 900e6; }

  SteadyTime now_{seconds(1'000)};
  ConnectionGovernor governor_{{3, kMost}};
};

TEST_F(ConnectionGovernorTest, BeginsWithAFew) {
  EXPECT_EQ(governor_.spare(), 3);
  Run([](int) { return 0; }, seconds(5));
  EXPECT_EQ(governor_.spare(), 3) << "nothing is known before the first byte";
}

TEST_F(ConnectionGovernorTest, WhereAConnectionIsSlowAllAreUsedWithinAMoment) {
  Run(EachBrings8MB, milliseconds(200));
  EXPECT_EQ(governor_.spare(), kMost);
  Run(EachBrings8MB, seconds(60));
  EXPECT_EQ(governor_.spare(), kMost);
}

TEST_F(ConnectionGovernorTest, WhereOneIsFastNoMoreAreUsed) {
  Run(OneBringsItAll, seconds(5));
  EXPECT_EQ(governor_.spare(), 3);
}

TEST_F(ConnectionGovernorTest, MoreAreTriedNowAndThenAndGivenUpWhenTheyDoNotPay) {
  int most_seen = 0;
  const Network watched = [&](int connections) {
    most_seen = std::max(most_seen, connections);
    return 900e6;
  };
  Run(watched, seconds(12));
  EXPECT_EQ(most_seen, 7);
  EXPECT_EQ(governor_.spare(), 3);
}

TEST_F(ConnectionGovernorTest, TheirNumberGrowsWhileItPays) {
  Run([](int connections) { return 100e6 * connections; }, seconds(13));
  EXPECT_EQ(governor_.spare(), kMost);
}

TEST_F(ConnectionGovernorTest, ACollapseHalvesThem) {
  Run(EachBrings8MB, seconds(2));
  ASSERT_EQ(governor_.spare(), kMost);
  Run([](int) { return 10e6; }, seconds(4));
  EXPECT_EQ(governor_.spare(), kMost / 2);
}

TEST_F(ConnectionGovernorTest, AShortDipChangesNothing) {
  Run(EachBrings8MB, seconds(2));
  for (int i = 0; i < 10; ++i) {
    Run([](int) { return 1e6; }, seconds(1));
    Run(EachBrings8MB, seconds(1));
  }
  EXPECT_EQ(governor_.spare(), kMost);
}

TEST_F(ConnectionGovernorTest, AfterACollapseTheyComeBackWhenTheyPayAgain) {
  Run(EachBrings8MB, seconds(2));
  Run([](int) { return 10e6; }, seconds(4));
  ASSERT_EQ(governor_.spare(), kMost / 2);
  Run(EachBrings8MB, seconds(15));
  EXPECT_EQ(governor_.spare(), kMost);
}

TEST_F(ConnectionGovernorTest, NothingIsTriedThatNobodyWants) {
  Run([](int connections) { return 100e6 * connections; }, seconds(30), false);
  EXPECT_EQ(governor_.spare(), 3);
}

TEST_F(ConnectionGovernorTest, ForgetsWhatItLearned) {
  Run(EachBrings8MB, seconds(2));
  governor_.Forget();
  EXPECT_EQ(governor_.spare(), 3);
}

}  // namespace
}  // namespace batuta::transfer
