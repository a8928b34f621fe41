#include "daemon/push/file_body.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace batuta::push {

std::shared_ptr<FileBody> FileBody::Make(std::shared_ptr<safety::ByteSource> bytes, uint64_t offset,
                                         uint64_t size_bytes, WorkerPool& pool,
                                         std::shared_ptr<transfer::BandwidthGate> gate) {
  return std::shared_ptr<FileBody>(new FileBody(std::move(bytes), offset, size_bytes, pool, std::move(gate)));
}

void FileBody::Rewind(std::function<void()> on_ready) {
  MutexLock lock(mutex_);
  ++round_;
  blocks_.clear();
  next_ = 0;
  is_reading_ = is_waited_for_ = false;
  error_ = absl::OkStatus();
  const bool is_used = on_ready != nullptr;
  on_ready_ = std::move(on_ready);
  if (is_used) ReadMore();
}

absl::StatusOr<size_t> FileBody::Read(std::span<std::byte> out) {
  MutexLock lock(mutex_);
  if (blocks_.empty()) {
    if (!error_.ok()) return error_;
    is_waited_for_ = true;
    return size_t{0};
  }
  Block& block = blocks_.front();
  size_t count = std::min(out.size(), block.bytes.size() - block.used);
  if (gate_ != nullptr) {
    count = static_cast<size_t>(std::min<uint64_t>(count, gate_->Allow(grant_, count)));
    if (count == 0) {
      WaitForGate();
      return size_t{0};
    }
    transfer::BandwidthGate::Use(grant_, count);
  }
  std::memcpy(out.data(), block.bytes.data() + block.used, count);
  block.used += count;
  if (block.used == block.bytes.size()) {
    spare_ = std::move(block.bytes);
    blocks_.pop_front();
    ReadMore();
  }
  return count;
}

void FileBody::WaitForGate() {
  is_waited_for_ = true;
  gate_->CallWhenOpen(grant_, [weak = weak_from_this(), round = round_] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    MutexLock lock(self->mutex_);
    if (round == self->round_ && std::exchange(self->is_waited_for_, false) && self->on_ready_)
      self->on_ready_();
  });
}

void FileBody::ReadMore() {
  if (is_reading_ || blocks_.size() >= kBlocksAhead || next_ >= size_bytes_ || !error_.ok()) return;
  is_reading_ = true;
  pool_.Post([weak = weak_from_this(), round = round_, at = next_] {
    if (const auto self = weak.lock()) self->ReadBlock(round, at);
  });
}

void FileBody::ReadBlock(uint64_t round, uint64_t at) {
  Block block;
  {
    MutexLock lock(mutex_);
    if (round != round_) return;
    block.bytes = std::exchange(spare_, {});
  }
  block.bytes.resize(static_cast<size_t>(std::min<uint64_t>(kBlockBytes, size_bytes_ - at)));
  const absl::Status status =
      bytes_->Read(offset_ + at, std::span(reinterpret_cast<char*>(block.bytes.data()), block.bytes.size()));
  MutexLock lock(mutex_);
  if (round != round_) return;
  is_reading_ = false;
  if (status.ok()) {
    next_ = at + block.bytes.size();
    blocks_.push_back(std::move(block));
    ReadMore();
  } else {
    error_ = status;
  }
  // Beneath the lock: after Rewind() nobody may hear of it.
  if (std::exchange(is_waited_for_, false) && on_ready_) on_ready_();
}

}  // namespace batuta::push
