#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sync/sequence.h"
#include "tests/support/runner/manual_task_runner.h"

// What every TaskRunner promises, on the real sequence and on the one that tests drive by hand.
namespace batuta {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Makes a runner work: by waiting, or by turning it.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual Sequence& sequence() = 0;

  // Returns when everything that is posted and due has run.
  virtual void Settle() = 0;

  // Returns when `duration` has passed for the runner and what fell due has run.
  virtual void Pass(milliseconds duration) = 0;
};

class ThreadDriver final : public Driver {
 public:
  Sequence& sequence() override { return *sequence_; }

  void Settle() override {
    std::promise<void> done;
    sequence_->Post([&done] { done.set_value(); });
    done.get_future().wait();
  }

  void Pass(milliseconds duration) override {
    // A delayed task is the runner's own measure of time: no other clock to disagree with.
    std::promise<void> done;
    sequence_->PostAfter(duration, [&done] { done.set_value(); });
    done.get_future().wait();
    Settle();
  }

 private:
  const std::unique_ptr<Sequence> sequence_ = Sequence::Start("contract");
};

class ManualDriver final : public Driver {
 public:
  Sequence& sequence() override { return runner_; }

  void Settle() override { runner_.RunUntilIdle(); }

  void Pass(milliseconds duration) override { runner_.AdvanceAndRunUntilIdle(duration); }

 private:
  ManualTaskRunner runner_;
};

template <typename DriverType>
class TaskRunnerContract : public ::testing::Test {
 protected:
  DriverType driver_;
  Sequence& runner_ = driver_.sequence();
};

using Drivers = ::testing::Types<ThreadDriver, ManualDriver>;

class DriverNames {
 public:
  template <typename DriverType>
  static std::string GetName(int /*index*/) {
    return std::is_same_v<DriverType, ThreadDriver> ? "Sequence" : "ManualTaskRunner";
  }
};

TYPED_TEST_SUITE(TaskRunnerContract, Drivers, DriverNames);

TYPED_TEST(TaskRunnerContract, RunsTasksInTheOrderOfTheirPosting) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) this->runner_.Post([&order, i] { order.push_back(i); });
  this->driver_.Settle();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TYPED_TEST(TaskRunnerContract, ATaskNeverRunsInsidePost) {
  std::vector<std::string> order;
  this->runner_.Post([this, &order] {
    this->runner_.Post([&order] { order.emplace_back("inner"); });
    this->runner_.PostAfter(milliseconds(0), [&order] { order.emplace_back("delayed by nothing"); });
    order.emplace_back("outer");
  });
  this->driver_.Pass(milliseconds(1));
  EXPECT_THAT(order, ::testing::UnorderedElementsAre("outer", "inner", "delayed by nothing"));
  EXPECT_EQ(order.front(), "outer");
}

TYPED_TEST(TaskRunnerContract, DelayedTasksRunInTheOrderOfTheirTimes) {
  std::vector<int> order;
  this->runner_.PostAfter(milliseconds(20), [&order] { order.push_back(3); });
  this->runner_.PostAfter(milliseconds(10), [&order] { order.push_back(1); });
  this->runner_.PostAfter(milliseconds(10), [&order] { order.push_back(2); });
  this->runner_.PostAfter(hours(1'000'000), [&order] { order.push_back(4); });
  this->driver_.Pass(milliseconds(25));
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TYPED_TEST(TaskRunnerContract, ADelayBeyondTheClockNeverRuns) {
  bool ran = false;
  this->runner_.PostAfter(Duration::max(), [&ran] { ran = true; });
  this->driver_.Pass(milliseconds(1));
  this->driver_.Settle();
  EXPECT_FALSE(ran);
}

TYPED_TEST(TaskRunnerContract, ANegativeDelayIsNone) {
  bool ran = false;
  this->runner_.PostAfter(milliseconds(-5), [&ran] { ran = true; });
  this->driver_.Pass(milliseconds(1));
  EXPECT_TRUE(ran);
}

TYPED_TEST(TaskRunnerContract, KnowsWhenItIsCurrent) {
  bool inside = false;
  EXPECT_FALSE(this->runner_.IsCurrent());
  this->runner_.Post([this, &inside] {
    inside = this->runner_.IsCurrent();
    this->runner_.AssertCurrent();
  });
  this->driver_.Settle();
  EXPECT_TRUE(inside);
  EXPECT_FALSE(this->runner_.IsCurrent());
}

TYPED_TEST(TaskRunnerContract, TakesTasksFromManyThreads) {
  int unguarded = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, &unguarded] {
      for (int n = 0; n < 100; ++n) this->runner_.Post([&unguarded] { ++unguarded; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  this->driver_.Settle();
  EXPECT_EQ(unguarded, 400);
}

TYPED_TEST(TaskRunnerContract, ReleasesATaskOnceItHasRun) {
  auto captured = std::make_shared<int>(0);
  const std::weak_ptr<int> weak = captured;
  this->runner_.Post([captured = std::move(captured)] {});
  this->driver_.Settle();
  this->driver_.Settle();
  EXPECT_TRUE(weak.expired());
}

TYPED_TEST(TaskRunnerContract, StopRunsWhatIsPostedButNotWhatIsDelayed) {
  std::vector<std::string> ran;
  this->runner_.Post([&ran] { ran.emplace_back("posted"); });
  this->runner_.PostAfter(hours(1), [&ran] { ran.emplace_back("delayed"); });
  this->runner_.Stop();
  EXPECT_THAT(ran, ElementsAre("posted"));
}

TYPED_TEST(TaskRunnerContract, AfterStopTasksAreDestroyedUnrun) {
  this->runner_.Stop();
  this->runner_.Stop();
  std::vector<std::string> ran;
  auto captured = std::make_shared<int>(0);
  const std::weak_ptr<int> weak = captured;
  this->runner_.Post([&ran, captured] { ran.emplace_back("posted"); });
  this->runner_.PostAfter(milliseconds(0),
                          [&ran, captured = std::move(captured)] { ran.emplace_back("delayed"); });
  EXPECT_TRUE(weak.expired());
  EXPECT_THAT(ran, IsEmpty());
}

TEST(ManualTaskRunnerTest, TimeStandsStillUntilItIsAdvanced) {
  ManualTaskRunner runner;
  std::vector<SteadyTime> ran;
  const SteadyTime start = runner.clock().steady();
  runner.PostAfter(hours(1), [&] { ran.push_back(runner.clock().steady()); });
  runner.RunUntilIdle();
  runner.AdvanceAndRunUntilIdle(hours(1) - milliseconds(1));
  EXPECT_THAT(ran, IsEmpty());
  EXPECT_EQ(runner.next_delay(), milliseconds(1));
  runner.AdvanceAndRunUntilIdle(hours(5));
  EXPECT_THAT(ran, ElementsAre(start + hours(1))) << "it ran when it fell due, not at the end";
  EXPECT_EQ(runner.clock().steady(), start + hours(6) - milliseconds(1));
  EXPECT_EQ(runner.next_delay(), std::nullopt);
}

TEST(ManualTaskRunnerTest, ATaskThatPostsItselfRunsOncePerPeriod) {
  ManualTaskRunner runner;
  int ticks = 0;
  std::function<void()> tick = [&] {
    ++ticks;
    runner.PostAfter(milliseconds(100), tick);
  };
  runner.Post(tick);
  runner.AdvanceAndRunUntilIdle(milliseconds(1'000));
  EXPECT_EQ(ticks, 11);
}

TEST(ManualTaskRunnerTest, FollowsAClockThatOthersMove) {
  FakeClock clock;
  ManualTaskRunner runner(&clock);
  bool ran = false;
  runner.PostAfter(hours(1), [&ran] { ran = true; });
  clock.Advance(hours(2));
  EXPECT_FALSE(ran);
  runner.RunUntilIdle();
  EXPECT_TRUE(ran);
}

TEST(ManualTaskRunnerTest, TheTestBodyCountsAsOnTheSequence) {
  ManualTaskRunner runner;
  runner.AssertCurrent();
  EXPECT_FALSE(runner.IsCurrent()) << "but no task is running";
}

}  // namespace
}  // namespace batuta
