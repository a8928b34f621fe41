#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"

#include "common/sync/mutex.h"
#include "common/sync/worker_pool.h"
#include "daemon/push/sent_bytes.h"
#include "daemon/transfer/bandwidth.h"
#include "daemon/transport/http_body.h"

namespace batuta::push {

// FileBody sends a run of bytes of a file. What is in memory goes from there to whoever sends, copied once;
// the rest is read ahead on a pool, a few blocks at most, so that nobody who sends waits for the disk.
// Thread-safe.
class FileBody final : public transport::HttpBody, public std::enable_shared_from_this<FileBody> {
 public:
  static constexpr size_t kBlockBytes = size_t{1} << 20;
  static constexpr size_t kBlocksAhead = 3;

  // `bytes` may be read on several threads at once, and holds that run. `pool` outlives the body. `gate`,
  // which may be null, says how fast the bytes may go.
  static std::shared_ptr<FileBody> Make(std::shared_ptr<SentBytes> bytes, uint64_t offset,
                                        uint64_t size_bytes, WorkerPool& pool,
                                        std::shared_ptr<transfer::BandwidthGate> gate = nullptr);

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override;
  void Rewind(std::function<void()> on_ready) override;

 private:
  FileBody(std::shared_ptr<SentBytes> bytes, uint64_t offset, uint64_t size_bytes, WorkerPool& pool,
           std::shared_ptr<transfer::BandwidthGate> gate)
      : bytes_(std::move(bytes)),
        offset_(offset),
        size_bytes_(size_bytes),
        pool_(pool),
        gate_(std::move(gate)) {}

  size_t TakeRead(std::span<std::byte> out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<size_t> TakeAtOnce(std::span<std::byte> out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WaitForGate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadBlock(uint64_t round, uint64_t at);

  const std::shared_ptr<SentBytes> bytes_;
  const uint64_t offset_;
  const uint64_t size_bytes_;
  WorkerPool& pool_;
  const std::shared_ptr<transfer::BandwidthGate> gate_;

  Mutex mutex_;
  transfer::BandwidthGate::Grant grant_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::Cord> blocks_ ABSL_GUARDED_BY(mutex_);
  uint64_t round_ ABSL_GUARDED_BY(mutex_) = 0;  // what is read for an earlier one counts no more
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;   // to be read
  bool is_reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_waited_for_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_ready_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::push
