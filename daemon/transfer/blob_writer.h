#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

#include "common/sync/worker_pool.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/transfer/extents.h"
#include "daemon/transfer/hash_front.h"
#include "daemon/transfer/segment_receiver.h"

namespace batuta::transfer {

// BlobWriter is the disk side of one transfer: it owns the partial file, writes what arrives, keeps the
// journal, hashes along the front, and publishes the blob when, and only when, every byte is there and the
// hash is right.
//
// Methods may be called on any thread and return at once; the work runs in order on a strand of the disk
// pool. A byte that is there is never written again until StartOver(), so that what was hashed is what is
// published; the exception is a piece that the disk damaged before it was hashed.
class BlobWriter final : public SegmentSink, public std::enable_shared_from_this<BlobWriter> {
 public:
  enum class Ending {
    kJournal,     // keep what is there for the next run
    kCheckpoint,  // the same, and it survives a power cut
    kDiscard,     // remove it
  };

  struct Options {
    uint64_t journal_every_bytes = 1;
    uint64_t checkpoint_every_bytes = 1;
  };

  // All run on a thread of the disk pool.
  struct Events {
    // Open() is through: the extents that an earlier run left, or why there is no file to write to
    // (see Cache::OpenPartial).
    std::function<void(absl::StatusOr<std::vector<Extent>> believed)> opened;

    // The disk has damaged these bytes: they are not written any more and have to be fetched again.
    std::function<void(Extent damaged, int start_overs)> damaged;

    // OK: published. DIGEST_MISMATCH: every byte is there and they are not the blob; StartOver() or Close()
    // follows. Else the disk failed and only Close() makes sense. `start_overs`: how many StartOver() it had
    // seen by then.
    std::function<void(const absl::Status& status, int start_overs)> finished;

    // Close() is through: the file is free for another user.
    std::function<void()> closed;
  };

  // `cache` and `disk` outlive the writer.
  BlobWriter(RepoId repo, Entry entry, Options options, cache::Cache& cache, WorkerPool& disk, Events events);

  void Open();
  void Write(uint64_t offset, Buffer buffer, size_t length) override;

  bool IsIdle() const override { return queued_writes_.load(std::memory_order_relaxed) < kShortQueue; }

  void StartOver();
  void Close(Ending ending);

  // Bytes on disk.
  uint64_t done_bytes() const { return done_bytes_.load(std::memory_order_relaxed); }

 private:
  template <typename Step>
  void Post(Step step);

  bool IsWriting() const { return partial_ != nullptr && !has_verdict_; }

  // On the strand:
  void OpenNow();
  void WriteNow(uint64_t offset, Buffer buffer, size_t length);
  void StartOverNow();
  void CloseNow(Ending ending);
  absl::Status Store(uint64_t offset, std::span<const std::byte> bytes);
  absl::Status KeepJournal();
  absl::Status GiveUp(Extent damaged);
  void Proceed(uint64_t hash_limit_bytes);
  void FinishWhenWhole();
  absl::Status Verify();
  void Give(const absl::Status& verdict);

  // A burst of small pieces from one connection or two; a fast link soon queues more and then sends full
  // buffers.
  static constexpr uint32_t kShortQueue = 8;

  const RepoId repo_;
  const Entry entry_;
  const Options options_;
  cache::Cache& cache_;
  const Events events_;
  std::atomic<uint64_t> done_bytes_ = 0;
  std::atomic<uint32_t> queued_writes_ = 0;

  // Used on the strand only.
  std::unique_ptr<cache::Partial> partial_;
  Extents written_;
  std::optional<PieceChecks> checks_;
  std::optional<HashFront> hash_;
  uint64_t since_journal_bytes_ = 0;
  uint64_t since_checkpoint_bytes_ = 0;
  int start_overs_ = 0;
  bool has_verdict_ = false;
  bool is_damaged_ = false;  // the verdict was DIGEST_MISMATCH: nobody may resume from these bytes
  bool is_hash_step_posted_ = false;

  Strand strand_;
};

}  // namespace batuta::transfer
