#include <atomic>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sync/worker_pool.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"

// What every WorkerPool promises, on real threads and by hand.
namespace batuta {
namespace {

using ::testing::ElementsAre;

struct RealPool {
  const std::unique_ptr<WorkerPool> owned = WorkerPool::Start("contract", 2);
  WorkerPool& pool = *owned;
};

struct ManualPool {
  ManualWorkerPool pool;
};

template <typename PoolType>
class WorkerPoolContract : public ::testing::Test {
 protected:
  PoolType holder_;
  WorkerPool& pool_ = holder_.pool;
};

class PoolNames {
 public:
  template <typename PoolType>
  static std::string GetName(int /*index*/) {
    return std::is_same_v<PoolType, RealPool> ? "Threads" : "Manual";
  }
};

using Pools = ::testing::Types<RealPool, ManualPool>;
TYPED_TEST_SUITE(WorkerPoolContract, Pools, PoolNames);

TYPED_TEST(WorkerPoolContract, StopFinishesWhatIsQueuedAndWhatThatPosts) {
  std::atomic<int> ran = 0;
  for (int i = 0; i < 10; ++i) {
    this->pool_.Post([this, &ran] {
      ++ran;
      this->pool_.Post([&ran] { ++ran; });
    });
  }
  this->pool_.Stop();
  this->pool_.Stop();
  EXPECT_EQ(ran, 20);
}

TYPED_TEST(WorkerPoolContract, AfterStopTasksAreDroppedUnrun) {
  this->pool_.Stop();
  std::atomic<int> ran = 0;
  auto captured = std::make_shared<int>(0);
  const std::weak_ptr<int> weak = captured;
  this->pool_.Post([&ran, captured = std::move(captured)] { ++ran; });
  this->pool_.Stop();
  EXPECT_EQ(ran, 0);
  EXPECT_TRUE(weak.expired());
}

TYPED_TEST(WorkerPoolContract, AStrandKeepsItsOrder) {
  std::vector<int> order;
  {
    Strand strand(this->pool_);
    for (int i = 0; i < 5; ++i) strand.Post([&order, i] { order.push_back(i); });
  }
  this->pool_.Stop();
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

TEST(ManualWorkerPoolTest, RunsNothingUntilTold) {
  ManualWorkerPool pool;
  int ran = 0;
  for (int i = 0; i < 3; ++i) pool.Post([&ran] { ++ran; });
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(pool.queued(), 3u);
  EXPECT_TRUE(pool.RunOne());
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(pool.RunUntilIdle(), 2u);
  EXPECT_EQ(ran, 3);
  EXPECT_FALSE(pool.RunOne());
}

TEST(ManualWorkerPoolTest, WithARunnerOneCallDrivesBoth) {
  ManualTaskRunner runner;
  ManualWorkerPool pool(runner);
  std::vector<std::string> order;
  runner.Post([&] {
    order.emplace_back("decide");
    pool.Post([&] {
      order.emplace_back(runner.IsCurrent() ? "work on the sequence" : "work");
      runner.Post([&order] { order.emplace_back("done"); });
    });
    runner.Post([&order] { order.emplace_back("decide more"); });
  });
  EXPECT_EQ(runner.RunUntilIdle(), 4u);
  EXPECT_THAT(order, ElementsAre("decide", "decide more", "work", "done"));
}

}  // namespace
}  // namespace batuta
