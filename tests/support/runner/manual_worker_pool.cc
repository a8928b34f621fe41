#include "tests/support/runner/manual_worker_pool.h"

#include <utility>

namespace batuta {

ManualWorkerPool::ManualWorkerPool(ManualTaskRunner& runner)
    : runner_(&runner), step_(runner.AddStep([this] { return RunOne(); })) {}

ManualWorkerPool::~ManualWorkerPool() {
  if (runner_ != nullptr) runner_->RemoveStep(step_);
  Stop();
}

bool ManualWorkerPool::RunOne() {
  Task task;
  {
    MutexLock lock(mutex_);
    if (queue_.empty()) return false;
    task = std::move(queue_.front());
    queue_.pop_front();
    is_running_ = true;
  }
  task();
  task = nullptr;
  MutexLock lock(mutex_);
  is_running_ = false;
  return true;
}

size_t ManualWorkerPool::RunUntilIdle() {
  size_t count = 0;
  while (RunOne()) ++count;
  return count;
}

size_t ManualWorkerPool::queued() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

void ManualWorkerPool::Post(Task task) {
  MutexLock lock(mutex_);
  if (is_stopped_ && !is_running_) return;
  queue_.push_back(std::move(task));
}

void ManualWorkerPool::Stop() {
  {
    MutexLock lock(mutex_);
    is_stopped_ = true;
  }
  RunUntilIdle();
}

}  // namespace batuta
