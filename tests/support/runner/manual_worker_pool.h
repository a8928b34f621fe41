#pragma once

#include <deque>

#include "common/sync/mutex.h"
#include "common/sync/worker_pool.h"
#include "tests/support/runner/manual_task_runner.h"

namespace batuta {

// ManualWorkerPool is a WorkerPool without threads: its tasks run on the thread of the test, when told. Post
// from any thread.
class ManualWorkerPool final : public WorkerPool {
 public:
  // Runs when RunOne() or RunUntilIdle() is called.
  ManualWorkerPool() = default;

  // Runs in the idle moments of `runner` as well, which must outlive it: one runner.RunUntilIdle() then
  // drives both.
  explicit ManualWorkerPool(ManualTaskRunner& runner);

  ~ManualWorkerPool() override;

  // False when there was nothing to run.
  bool RunOne();
  size_t RunUntilIdle();
  size_t queued() const;

  void Post(Task task) override;
  void Stop() override;

 private:
  ManualTaskRunner* const runner_ = nullptr;
  const int step_ = 0;
  mutable Mutex mutex_;
  std::deque<Task> queue_ ABSL_GUARDED_BY(mutex_);
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_running_ ABSL_GUARDED_BY(mutex_) = false;  // what a task posts while the pool drains still counts
};

}  // namespace batuta
