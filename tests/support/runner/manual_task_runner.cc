#include "tests/support/runner/manual_task_runner.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace batuta {
namespace {

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "ManualTaskRunner: %s\n", what);
  std::abort();
}

}  // namespace

ManualTaskRunner::~ManualTaskRunner() {
  // As a real sequence does: what was never run is released before the runner is gone, outside the lock.
  std::deque<Task> ready;
  std::vector<Timer> timers;
  MutexLock lock(mutex_);
  is_stopped_ = true;
  ready.swap(ready_);
  timers.swap(timers_);
}

bool ManualTaskRunner::Later(const Timer& a, const Timer& b) {
  return a.due != b.due ? a.due > b.due : a.number > b.number;
}

void ManualTaskRunner::Post(Task task) {
  MutexLock lock(mutex_);
  if (!is_stopped_) ready_.push_back(std::move(task));
}

void ManualTaskRunner::PostAfter(Duration delay, Task task) {
  const SteadyTime now = clock_.steady();
  const SteadyTime due =
      delay < SteadyTime::max() - now ? now + std::max(delay, Duration::zero()) : SteadyTime::max();
  MutexLock lock(mutex_);
  if (is_stopped_) return;
  timers_.push_back({due, next_timer_++, std::move(task)});
  std::push_heap(timers_.begin(), timers_.end(), Later);
}

bool ManualTaskRunner::IsCurrent() const {
  return std::this_thread::get_id() == owner_ && is_running_;
}

void ManualTaskRunner::AssertCurrent() const {
  if (std::this_thread::get_id() != owner_) Die("called outside the thread of the test");
}

Task ManualTaskRunner::TakeNext() {
  const SteadyTime now = clock_.steady();
  MutexLock lock(mutex_);
  while (!timers_.empty() && timers_.front().due <= now) {
    std::pop_heap(timers_.begin(), timers_.end(), Later);
    ready_.push_back(std::move(timers_.back().task));
    timers_.pop_back();
  }
  if (ready_.empty()) return nullptr;
  Task task = std::move(ready_.front());
  ready_.pop_front();
  return task;
}

bool ManualTaskRunner::RunOne() {
  Task task = TakeNext();
  if (!task) return false;
  if (is_running_) Die("RunUntilIdle() called from a task of its own");
  is_running_ = true;
  task();
  task = nullptr;  // its captures are released on the sequence too
  is_running_ = false;
  return true;
}

bool ManualTaskRunner::RunSteps() {
  // By index and over a copy: a step may add or remove steps.
  for (size_t i = 0; i < steps_.size(); ++i) {
    const std::function<bool()> run = steps_[i].run;
    if (run()) return true;
  }
  return false;
}

size_t ManualTaskRunner::RunUntilIdle() {
  AssertCurrent();
  constexpr size_t kEndless = 1'000'000;
  size_t count = 0;
  while (RunOne() || RunSteps()) {
    if (++count == kEndless) Die("never idle: something posts itself for ever");
  }
  return count;
}

size_t ManualTaskRunner::AdvanceAndRunUntilIdle(Duration duration) {
  const SteadyTime end = clock_.steady() + duration;
  size_t count = RunUntilIdle();
  for (;;) {
    const std::optional<Duration> delay = next_delay();
    const Duration left = end - clock_.steady();
    if (!delay || *delay > left) {
      clock_.Advance(std::max(left, Duration::zero()));
      return count + RunUntilIdle();
    }
    clock_.Advance(*delay);
    count += RunUntilIdle();
  }
}

std::optional<Duration> ManualTaskRunner::next_delay() const {
  const SteadyTime now = clock_.steady();
  MutexLock lock(mutex_);
  if (timers_.empty()) return std::nullopt;
  return std::max(timers_.front().due - now, Duration::zero());
}

int ManualTaskRunner::AddStep(std::function<bool()> step) {
  steps_.push_back({next_key_, std::move(step)});
  return next_key_++;
}

void ManualTaskRunner::RemoveStep(int key) {
  std::erase_if(steps_, [key](const Step& step) { return step.key == key; });
}

void ManualTaskRunner::Stop() {
  if (is_running_) Die("stopped from a task of its own");
  size_t left = 0;
  {
    MutexLock lock(mutex_);
    is_stopped_ = true;
    left = ready_.size();
  }
  std::vector<Timer> delayed;
  {
    MutexLock lock(mutex_);
    delayed.swap(timers_);
  }
  for (; left > 0; --left) RunOne();
}

}  // namespace batuta
