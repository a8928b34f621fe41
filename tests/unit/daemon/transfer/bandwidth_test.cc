#include "daemon/transfer/bandwidth.h"

#include <chrono>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/runner/manual_task_runner.h"

namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Limits = std::vector<std::shared_ptr<BandwidthLimit>>;

constexpr uint64_t kPlenty = 1 << 30;

std::shared_ptr<BandwidthLimit> At(uint64_t bytes_per_second) {
  return std::make_shared<BandwidthLimit>(bytes_per_second);
}

class BandwidthGateTest : public ::testing::Test {
 protected:
  std::shared_ptr<BandwidthGate> Gate(std::shared_ptr<BandwidthLimit> overall, Limits limits) {
    auto gate = std::make_shared<BandwidthGate>(std::move(overall), timer_, timer_.clock());
    gate->SetLimits(std::move(limits));
    return gate;
  }

  // What one connection that always wants more gets in a second.
  uint64_t RateThrough(BandwidthGate& gate, BandwidthGate::Grant& grant) {
    uint64_t taken = 0;
    for (int i = 0; i < 1'000; ++i) {
      while (const uint64_t allowed = gate.Allow(grant, kPlenty)) {
        if (allowed == kPlenty) return 0;  // no limit
        BandwidthGate::Use(grant, allowed);
        taken += allowed;
      }
      timer_.AdvanceAndRunUntilIdle(milliseconds(1));
    }
    return taken;
  }

  ManualTaskRunner timer_;
};

TEST_F(BandwidthGateTest, ObeysTheMostGenerousObserverAndTheLimitOfAll) {
  struct Case {
    const char* what;
    std::shared_ptr<BandwidthLimit> overall;
    Limits limits;
    double expected;  // 0 = no limit
  };

  const Case kCases[] = {
      {"nobody limits", nullptr, {}, 0},
      {"nobody limits, all told so", At(0), {nullptr, At(0)}, 0},
      {"one observer", nullptr, {At(100'000)}, 100'000},
      {"the more generous of two", nullptr, {At(100'000), At(200'000)}, 200'000},
      {"in any order", nullptr, {At(200'000), At(100'000)}, 200'000},
      {"one that has none", nullptr, {At(100'000), nullptr}, 0},
      {"one that has none any more", nullptr, {At(100'000), At(0)}, 0},
      {"all together", At(100'000), {}, 100'000},
      {"all together hold the generous", At(100'000), {At(200'000)}, 100'000},
      {"an observer below all together", At(200'000), {At(100'000)}, 100'000},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    const auto gate = Gate(each.overall, each.limits);
    BandwidthGate::Grant grant;
    RateThrough(*gate, grant);  // the first tenth of a second is free
    EXPECT_NEAR(static_cast<double>(RateThrough(*gate, grant)), each.expected, 0.05 * each.expected);
  }
}

TEST_F(BandwidthGateTest, TwoGatesUnderOneLimitShareIt) {
  const auto limit = At(100'000);
  const auto one = Gate(nullptr, {limit});
  const auto other = Gate(nullptr, {limit});
  BandwidthGate::Grant grants[2];
  uint64_t taken[2] = {0, 0};
  for (int i = 0; i < 10'000; ++i) {
    for (int which = 0; which < 2; ++which) {
      const uint64_t allowed = (which == 0 ? one : other)->Allow(grants[which], kPlenty);
      BandwidthGate::Use(grants[which], allowed);
      taken[which] += allowed;
    }
    timer_.AdvanceAndRunUntilIdle(milliseconds(1));
  }
  EXPECT_NEAR(static_cast<double>(taken[0] + taken[1]), 1e6, 5e4);
  EXPECT_NEAR(static_cast<double>(taken[0]), static_cast<double>(taken[1]), 5e3);
}

TEST_F(BandwidthGateTest, AChangeVoidsWhatWasPromised) {
  const auto limit = At(10);  // a piece of 1 KiB takes nearly two minutes
  const auto gate = Gate(nullptr, {limit});
  BandwidthGate::Grant grant;
  BandwidthGate::Use(grant, gate->Allow(grant, kPlenty));
  ASSERT_EQ(gate->Allow(grant, kPlenty), 0u);

  bool is_called = false;
  gate->CallWhenOpen(grant, [&is_called] { is_called = true; });
  limit->Set(1'000'000);
  timer_.AdvanceAndRunUntilIdle(milliseconds(200));
  EXPECT_TRUE(is_called);
  EXPECT_GT(gate->Allow(grant, kPlenty), 0u);

  limit->Set(10);
  EXPECT_GT(gate->Allow(grant, kPlenty), 0u) << "the first piece is free again";
  BandwidthGate::Use(grant, kPlenty);
  EXPECT_EQ(gate->Allow(grant, kPlenty), 0u);
  gate->SetLimits({limit, nullptr});
  EXPECT_EQ(gate->Allow(grant, kPlenty), kPlenty) << "somebody came who has no limit";
}

TEST_F(BandwidthGateTest, ASmallWishIsNotPromisedMore) {
  const auto limit = At(1'000'000);
  const auto gate = Gate(nullptr, {limit});
  for (int i = 0; i < 100; ++i) {
    BandwidthGate::Grant grant;
    EXPECT_EQ(gate->Allow(grant, 1'000), 1'000u) << "a hundred small files are a tenth of a second";
  }
  BandwidthGate::Grant grant;
  gate->Allow(grant, 1'000);
  BandwidthGate::Grant next;
  EXPECT_EQ(gate->Allow(next, 1'000), 0u);
}

}  // namespace
}  // namespace batuta::transfer
