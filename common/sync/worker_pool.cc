#include "common/sync/worker_pool.h"

#include <algorithm>
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

// The pool whose thread this is.
thread_local const void* current_pool = nullptr;

class ThreadPool final : public WorkerPool {
 public:
  ThreadPool(const std::string& name, int threads) {
    for (int i = 0; i < std::max(threads, 1); ++i) {
      threads_.emplace_back([this, thread_name = name + "-" + std::to_string(i)] { Run(thread_name); });
    }
  }

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  ~ThreadPool() override { Stop(); }

  void Post(Task task) override {
    MutexLock lock(mutex_);
    // While it drains, what a running task posts still counts as queued: a strand hands itself on in this
    // way.
    if (is_stopping_ && current_pool != this) return;
    queue_.push_back(std::move(task));
    changed_.NotifyOne();
  }

  void Stop() override {
    if (current_pool == this) {
      std::fprintf(stderr, "batuta: broken invariant: a worker pool stopped from its own thread\n");
      std::abort();
    }
    {
      MutexLock lock(mutex_);
      is_stopping_ = true;
      changed_.NotifyAll();
    }
    std::call_once(joined_, [this] {
      for (std::thread& thread : threads_) thread.join();
    });
  }

 private:
  void Run(const std::string& name) {
    NameThisThread(name);
    current_pool = this;
    while (Task task = Next()) task();
  }

  // Waits for the next task. Empty when the pool has stopped and nothing is left to run.
  Task Next() {
    MutexLock lock(mutex_);
    while (queue_.empty() && !is_stopping_) changed_.Wait(mutex_);
    if (queue_.empty()) return nullptr;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    return task;
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<Task> queue_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::once_flag joined_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<WorkerPool> WorkerPool::Start(const std::string& name, int threads) {
  return std::make_unique<ThreadPool>(name, threads);
}

}  // namespace batuta
