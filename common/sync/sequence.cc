#include "common/sync/sequence.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "common/sync/thread_name.h"

namespace batuta {
namespace {

// The sequence whose thread this is.
thread_local const void* current_sequence = nullptr;

[[noreturn]] void Die(const char* what, const std::string& name) {
  std::fprintf(stderr, "batuta: broken invariant: %s (sequence %s)\n", what, name.c_str());
  std::abort();
}

class ThreadSequence final : public Sequence {
 public:
  explicit ThreadSequence(std::string name) : name_(std::move(name)), thread_([this] { Run(); }) {}

  ThreadSequence(const ThreadSequence&) = delete;
  ThreadSequence& operator=(const ThreadSequence&) = delete;

  ~ThreadSequence() override { Stop(); }

  void Post(Task task) override {
    MutexLock lock(mutex_);
    if (is_stopping_) return;
    ready_.push_back(std::move(task));
    changed_.NotifyOne();
  }

  void PostAfter(Duration delay, Task task) override {
    const SteadyTime now = std::chrono::steady_clock::now();
    const SteadyTime due =
        delay < SteadyTime::max() - now ? now + std::max(delay, Duration::zero()) : SteadyTime::max();
    MutexLock lock(mutex_);
    if (is_stopping_) return;
    timers_.push_back({due, next_timer_++, std::move(task)});
    std::push_heap(timers_.begin(), timers_.end(), Later);
    changed_.NotifyOne();
  }

  bool IsCurrent() const override { return current_sequence == this; }

  void AssertCurrent() const override {
    if (!IsCurrent()) Die("called outside its sequence", name_);
  }

  void Stop() override {
    if (IsCurrent()) Die("stopped from its own thread", name_);
    {
      MutexLock lock(mutex_);
      is_stopping_ = true;
      changed_.NotifyOne();
    }
    std::call_once(joined_, [this] { thread_.join(); });
  }

 private:
  struct Timer {
    SteadyTime due;
    uint64_t number;  // those due together run in the order in which they were posted
    Task task;
  };

  static bool Later(const Timer& a, const Timer& b) {
    return a.due != b.due ? a.due > b.due : a.number > b.number;
  }

  void Run() {
    NameThisThread(name_);
    current_sequence = this;
    while (Task task = Next()) task();
    // The captures of what was delayed are released here, where the state that they may touch lives.
    std::vector<Timer> dropped;
    {
      MutexLock lock(mutex_);
      dropped.swap(timers_);
    }
    dropped.clear();
    current_sequence = nullptr;
  }

  // Waits for the next task. Empty when the sequence has stopped and nothing is left to run.
  Task Next() {
    MutexLock lock(mutex_);
    for (;;) {
      if (!is_stopping_) TakeDueTimers();
      if (!ready_.empty()) {
        Task task = std::move(ready_.front());
        ready_.pop_front();
        return task;
      }
      if (is_stopping_) return nullptr;
      if (timers_.empty()) {
        changed_.Wait(mutex_);
      } else {
        changed_.WaitUntil(mutex_, timers_.front().due);
      }
    }
  }

  void TakeDueTimers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (timers_.empty()) return;
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!timers_.empty() && timers_.front().due <= now) {
      std::pop_heap(timers_.begin(), timers_.end(), Later);
      ready_.push_back(std::move(timers_.back().task));
      timers_.pop_back();
    }
  }

  const std::string name_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Task> ready_ ABSL_GUARDED_BY(mutex_);
  std::vector<Timer> timers_ ABSL_GUARDED_BY(mutex_);  // a heap, the earliest in front
  uint64_t next_timer_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::once_flag joined_;
  std::thread thread_;  // last: it starts when all else is there
};

}  // namespace

std::unique_ptr<Sequence> Sequence::Start(std::string name) {
  return std::make_unique<ThreadSequence>(std::move(name));
}

}  // namespace batuta
