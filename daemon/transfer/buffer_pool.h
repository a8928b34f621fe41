#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "common/sync/mutex.h"
#include "common/sync/task_runner.h"

namespace batuta::transfer {

class BufferPool;

// A piece of memory of the pool; goes back when destroyed, on any thread.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  explicit operator bool() const { return pool_ != nullptr; }

  // The whole capacity.
  std::span<std::byte> memory() const { return memory_; }

 private:
  friend class BufferPool;

  Buffer(BufferPool* pool, std::span<std::byte> memory) : pool_(pool), memory_(memory) {}

  BufferPool* pool_ = nullptr;
  std::span<std::byte> memory_;
};

// BufferPool is all the memory that bytes in flight may take, whatever the number of jobs: `count` buffers of
// `size_bytes`. Allocated on first use of each buffer. Thread-safe; never blocks. Outlives its buffers.
class BufferPool {
 public:
  BufferPool(size_t count, size_t size_bytes);
  ~BufferPool();

  // Empty when none is free; then `when_free` is called once, on the thread that gives a buffer back, and the
  // caller tries again. It must be quick and must not call the pool.
  Buffer TryTake(Task when_free);

  size_t buffer_bytes() const { return size_bytes_; }

 private:
  friend class Buffer;
  void GiveBack(std::span<std::byte> memory);

  const size_t count_;
  const size_t size_bytes_;
  Mutex mutex_;
  std::vector<std::unique_ptr<std::byte[]>> owned_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::byte*> free_ ABSL_GUARDED_BY(mutex_);
  std::vector<Task> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::transfer
