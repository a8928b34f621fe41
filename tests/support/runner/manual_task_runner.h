#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "common/sync/mutex.h"
#include "common/sync/sequence.h"
#include "tests/support/clock/fake_clock.h"

namespace batuta {

// ManualTaskRunner is a Sequence without a thread: its tasks run on the thread of the test, inside
// RunUntilIdle(), and its delays follow a FakeClock. The test body counts as being on the sequence
// (AssertCurrent() passes on the thread that made the runner), so that a test calls the entry points of what
// lives there directly. Post from any thread.
class ManualTaskRunner final : public Sequence {
 public:
  ManualTaskRunner() : ManualTaskRunner(nullptr) {}

  // Follows `clock`, which must outlive it, or a clock of its own.
  explicit ManualTaskRunner(FakeClock* clock) : clock_(clock == nullptr ? own_clock_ : *clock) {}

  ~ManualTaskRunner() override;

  FakeClock& clock() { return clock_; }

  // Runs what is posted and due, and what that posts in turn, and the steps below, until nothing is left to
  // do now. Returns the number of tasks and steps run. Aborts after a million: something posts itself for
  // ever.
  size_t RunUntilIdle();

  // Lets `duration` pass, stopping at each delayed task that falls due on the way.
  size_t AdvanceAndRunUntilIdle(Duration duration);

  // How long until the next delayed task falls due; empty when there is none.
  std::optional<Duration> next_delay() const;

  // `step` does one piece of work elsewhere and says whether there was any; RunUntilIdle() calls it when its
  // own tasks are through. For worker pools and fakes that act between tasks. Returns a key for RemoveStep().
  int AddStep(std::function<bool()> step);
  void RemoveStep(int key);

  // TaskRunner and Sequence:
  void Post(Task task) override;
  void PostAfter(Duration delay, Task task) override;
  bool IsCurrent() const override;
  void AssertCurrent() const override ABSL_ASSERT_EXCLUSIVE_LOCK();
  void Stop() override;

 private:
  struct Timer {
    SteadyTime due;
    uint64_t number;
    Task task;
  };

  struct Step {
    int key;
    std::function<bool()> run;
  };

  static bool Later(const Timer& a, const Timer& b);
  bool RunOne();
  bool RunSteps();
  Task TakeNext();

  FakeClock own_clock_;
  FakeClock& clock_;
  const std::thread::id owner_ = std::this_thread::get_id();
  bool is_running_ = false;  // used on the owner's thread only
  std::vector<Step> steps_;  // used on the owner's thread only
  int next_key_ = 0;

  mutable Mutex mutex_;
  std::deque<Task> ready_ ABSL_GUARDED_BY(mutex_);
  std::vector<Timer> timers_ ABSL_GUARDED_BY(mutex_);  // a heap, the earliest in front
  uint64_t next_timer_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace batuta
