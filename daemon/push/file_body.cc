#include "daemon/push/file_body.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/status/status.h"

namespace batuta::push {

std::shared_ptr<FileBody> FileBody::Make(std::shared_ptr<SentBytes> bytes, uint64_t offset,
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
  on_ready_ = std::move(on_ready);
}

absl::StatusOr<size_t> FileBody::Read(std::span<std::byte> out) {
  MutexLock lock(mutex_);
  if (gate_ != nullptr) {
    out = out.first(static_cast<size_t>(std::min<uint64_t>(out.size(), gate_->Allow(grant_, out.size()))));
    if (out.empty()) {
      WaitForGate();
      return size_t{0};
    }
  }
  size_t count = 0;
  if (blocks_.empty()) {
    ASSIGN_OR_RETURN(count, TakeAtOnce(out));
  } else {
    count = TakeRead(out);
  }
  if (gate_ != nullptr) transfer::BandwidthGate::Use(grant_, count);
  return count;
}

size_t FileBody::TakeRead(std::span<std::byte> out) {
  absl::Cord& block = blocks_.front();
  const size_t count = std::min(out.size(), block.size());
  size_t copied = 0;
  for (const absl::string_view piece : block.Chunks()) {
    const size_t most = std::min(piece.size(), count - copied);
    std::memcpy(out.data() + copied, piece.data(), most);
    copied += most;
    if (copied == count) break;
  }
  block.RemovePrefix(count);
  if (block.empty()) {
    blocks_.pop_front();
    ReadMore();
  }
  return count;
}

absl::StatusOr<size_t> FileBody::TakeAtOnce(std::span<std::byte> out) {
  if (!error_.ok()) return error_;
  if (!is_reading_ && next_ < size_bytes_) {
    const size_t most = static_cast<size_t>(std::min<uint64_t>(out.size(), size_bytes_ - next_));
    ASSIGN_OR_RETURN(
        const size_t count,
        bytes_->ReadAtOnce(offset_ + next_, std::span(reinterpret_cast<char*>(out.data()), most)));
    next_ += count;
    if (count > 0) return count;
    ReadMore();
  }
  is_waited_for_ = true;
  return size_t{0};
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
  {
    const MutexLock lock(mutex_);
    if (round != round_) return;
  }
  absl::StatusOr<absl::Cord> block = bytes_->ReadPieces(
      offset_ + at, static_cast<size_t>(std::min<uint64_t>(kBlockBytes, size_bytes_ - at)));
  MutexLock lock(mutex_);
  if (round != round_) return;
  is_reading_ = false;
  if (block.ok()) {
    next_ = at + block->size();
    blocks_.push_back(*std::move(block));
    ReadMore();
  } else {
    error_ = block.status();
  }
  // Beneath the lock: after Rewind() nobody may hear of it.
  if (std::exchange(is_waited_for_, false) && on_ready_) on_ready_();
}

}  // namespace batuta::push
