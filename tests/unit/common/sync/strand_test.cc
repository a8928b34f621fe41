#include <future>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sync/worker_pool.h"

namespace batuta {
namespace {

using ::testing::ElementsAre;

TEST(StrandTest, RunsInOrderOneAtATimeOnAnyThreads) {
  const auto pool = WorkerPool::Start("test", 4);
  Strand strand(*pool);
  std::vector<int> unguarded;  // the strand is its guard; ThreadSanitizer would tell
  for (int i = 0; i < 1'000; ++i) strand.Post([&unguarded, i] { unguarded.push_back(i); });
  pool->Stop();
  std::vector<int> expected(1'000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(unguarded, expected);
}

TEST(StrandTest, ABusyStrandDoesNotStarveAnother) {
  const auto pool = WorkerPool::Start("test", 1);
  Strand busy(*pool);
  Strand other(*pool);
  std::promise<void> gate;
  std::vector<std::string> order;
  busy.Post([&gate] { gate.get_future().wait(); });
  for (int i = 0; i < 3; ++i) busy.Post([&order] { order.emplace_back("busy"); });
  other.Post([&order] { order.emplace_back("other"); });
  gate.set_value();
  pool->Stop();
  EXPECT_THAT(order, ElementsAre("other", "busy", "busy", "busy"));
}

TEST(StrandTest, QueuedTasksOutliveTheStrand) {
  const auto pool = WorkerPool::Start("test", 1);
  std::promise<void> gate;
  int ran = 0;
  {
    Strand strand(*pool);
    strand.Post([&gate] { gate.get_future().wait(); });
    for (int i = 0; i < 10; ++i) strand.Post([&ran] { ++ran; });
  }
  gate.set_value();
  pool->Stop();
  EXPECT_EQ(ran, 10);
}

TEST(StrandTest, ATaskMayPostToItsOwnStrand) {
  const auto pool = WorkerPool::Start("test", 2);
  Strand strand(*pool);
  std::promise<std::vector<int>> result;
  std::vector<int> order;
  strand.Post([&] {
    strand.Post([&] {
      order.push_back(2);
      result.set_value(order);
    });
    order.push_back(1);
  });
  EXPECT_THAT(result.get_future().get(), ElementsAre(1, 2));
}

TEST(StrandTest, OnAStoppedPoolTasksAreReleasedUnrun) {
  const auto pool = WorkerPool::Start("test", 1);
  Strand strand(*pool);
  pool->Stop();
  for (int i = 0; i < 2; ++i) {
    auto captured = std::make_shared<int>(0);
    const std::weak_ptr<int> weak = captured;
    strand.Post([captured = std::move(captured)] { FAIL() << "the pool has stopped"; });
    EXPECT_TRUE(weak.expired());
  }
}

}  // namespace
}  // namespace batuta
