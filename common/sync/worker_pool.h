#pragma once

#include <memory>
#include <string>

#include "common/sync/task_runner.h"

namespace batuta {

// WorkerPool runs blocking work (disk, hashing) on a fixed number of threads. Thread-safe.
class WorkerPool {
 public:
  virtual ~WorkerPool() = default;

  // `threads` ≥ 1; their names are `name-0`, `name-1` … (≤ 15 characters).
  static std::unique_ptr<WorkerPool> Start(const std::string& name, int threads);

  // In no particular order; tasks of one pool run side by side. Dropped unrun after Stop(); while Stop()
  // drains the queue, what a task of the pool posts still counts as queued.
  virtual void Post(Task task) = 0;

  // Finishes what is queued, then joins. Idempotent; not from a thread of the pool.
  virtual void Stop() = 0;
};

// Strand runs its tasks in order, one at a time, on the threads of a pool it borrows, which outlives its
// tasks. After each task it queues up again behind the pool's other work, so a busy strand starves nobody.
// Destroying it lets queued tasks finish; a stopped pool drops them. Thread-safe.
class Strand {
 public:
  explicit Strand(WorkerPool& pool);
  ~Strand();
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;

  void Post(Task task);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace batuta
