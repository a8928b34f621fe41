#include "daemon/transfer/buffer_pool.h"

#include <algorithm>
#include <utility>

namespace batuta::transfer {

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), memory_(std::exchange(other.memory_, {})) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  if (pool_ != nullptr) pool_->GiveBack(memory_);
  pool_ = std::exchange(other.pool_, nullptr);
  memory_ = std::exchange(other.memory_, {});
  return *this;
}

Buffer::~Buffer() {
  if (pool_ != nullptr) pool_->GiveBack(memory_);
}

BufferPool::BufferPool(size_t count, size_t size_bytes)
    : count_(std::max<size_t>(count, 1)), size_bytes_(std::max<size_t>(size_bytes, 1)) {
  MutexLock lock(mutex_);
  owned_.reserve(count_);
  free_.reserve(count_);
}

BufferPool::~BufferPool() = default;

Buffer BufferPool::TryTake(Task when_free) {
  MutexLock lock(mutex_);
  if (!free_.empty()) {
    std::byte* const memory = free_.back();  // the latest to come back is the warmest
    free_.pop_back();
    return Buffer(this, {memory, size_bytes_});
  }
  if (owned_.size() < count_) {
    owned_.push_back(std::make_unique_for_overwrite<std::byte[]>(size_bytes_));
    return Buffer(this, {owned_.back().get(), size_bytes_});
  }
  waiting_.push_back(std::move(when_free));
  return Buffer();
}

void BufferPool::GiveBack(std::span<std::byte> memory) {
  // All who wait are woken, not one: the one might have given up meanwhile, and then nobody would come for
  // the buffer.
  std::vector<Task> woken;
  {
    MutexLock lock(mutex_);
    free_.push_back(memory.data());
    woken.swap(waiting_);
  }
  for (Task& task : woken) task();
}

}  // namespace batuta::transfer
