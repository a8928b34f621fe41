#include "common/sync/worker_pool.h"

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include "common/sync/mutex.h"

namespace batuta {
namespace {

using ::testing::ElementsAre;

TEST(WorkerPoolTest, TasksRunSideBySideOnNamedThreads) {
  const auto pool = WorkerPool::Start("disk", 2);
  Mutex mutex;
  CondVar changed;
  std::set<std::string> names;
  // Each task waits for the other: they end only when both run at once.
  for (int i = 0; i < 2; ++i) {
    pool->Post([&] {
      std::array<char, 32> name{};
      pthread_getname_np(pthread_self(), name.data(), name.size());
      MutexLock lock(mutex);
      names.insert(name.data());
      changed.NotifyAll();
      while (names.size() < 2) changed.Wait(mutex);
    });
  }
  pool->Stop();
  EXPECT_THAT(names, ElementsAre("disk-0", "disk-1"));
}

TEST(WorkerPoolTest, StopFinishesWhatIsQueued) {
  const auto pool = WorkerPool::Start("test", 3);
  std::atomic<int> ran = 0;
  for (int i = 0; i < 1'000; ++i) pool->Post([&ran] { ++ran; });
  pool->Stop();
  pool->Stop();
  EXPECT_EQ(ran, 1'000);
}

TEST(WorkerPoolTest, StopFinishesWhatATaskPosts) {
  const auto pool = WorkerPool::Start("test", 1);
  std::promise<void> gate;
  std::atomic<int> ran = 0;
  pool->Post([&] {
    gate.get_future().wait();
    pool->Post([&ran] { ++ran; });
  });
  std::thread stopper([&pool] { pool->Stop(); });
  gate.set_value();
  stopper.join();
  EXPECT_EQ(ran, 1);
}

TEST(WorkerPoolTest, AfterStopTasksAreDroppedUnrun) {
  const auto pool = WorkerPool::Start("test", 1);
  pool->Stop();
  auto captured = std::make_shared<int>(0);
  const std::weak_ptr<int> weak = captured;
  bool ran = false;
  pool->Post([&ran, captured = std::move(captured)] { ran = true; });
  EXPECT_TRUE(weak.expired());
  EXPECT_FALSE(ran);
}

TEST(WorkerPoolTest, HasAtLeastOneThread) {
  const auto pool = WorkerPool::Start("test", 0);
  std::promise<int> result;
  pool->Post([&result] { result.set_value(7); });
  EXPECT_EQ(result.get_future().get(), 7);
}

}  // namespace
}  // namespace batuta
