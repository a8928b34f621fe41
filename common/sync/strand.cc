#include <deque>
#include <utility>

#include "common/sync/mutex.h"
#include "common/sync/worker_pool.h"

namespace batuta {

struct Strand::State {
  explicit State(WorkerPool& worker_pool) : pool(worker_pool) {}

  WorkerPool& pool;
  Mutex mutex;
  std::deque<Task> queue ABSL_GUARDED_BY(mutex);
  bool is_scheduled ABSL_GUARDED_BY(mutex) = false;  // a turn is in the pool's queue, or running
};

namespace {

// One turn of a strand on a pool thread: one task, then to the end of the pool's queue, so that a busy strand
// does not starve the others. A turn that the pool drops unrun drops the tasks behind it.
template <typename State>
class Turn {
 public:
  explicit Turn(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Turn(Turn&&) noexcept = default;
  Turn& operator=(Turn&&) = delete;
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  ~Turn() {
    if (state_ == nullptr) return;
    std::deque<Task> dropped;
    MutexLock lock(state_->mutex);
    dropped.swap(state_->queue);
    state_->is_scheduled = false;
  }

  void operator()() {
    const std::shared_ptr<State> state = std::move(state_);
    Take (*state)();
    if (HasMore(*state)) state->pool.Post(Turn(state));
  }

 private:
  static Task Take(State& state) {
    MutexLock lock(state.mutex);
    Task task = std::move(state.queue.front());
    state.queue.pop_front();
    return task;
  }

  static bool HasMore(State& state) {
    MutexLock lock(state.mutex);
    state.is_scheduled = !state.queue.empty();
    return state.is_scheduled;
  }

  std::shared_ptr<State> state_;
};

}  // namespace

Strand::Strand(WorkerPool& pool) : state_(std::make_shared<State>(pool)) {}

Strand::~Strand() = default;

void Strand::Post(Task task) {
  {
    MutexLock lock(state_->mutex);
    state_->queue.push_back(std::move(task));
    if (state_->is_scheduled) return;
    state_->is_scheduled = true;
  }
  state_->pool.Post(Turn<State>(state_));
}

}  // namespace batuta
