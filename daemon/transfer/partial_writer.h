#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"

#include "common/sync/worker_pool.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/transfer/blob_guard.h"
#include "daemon/transfer/blob_writer.h"
#include "daemon/transfer/extents.h"
#include "daemon/transfer/hash_lane.h"
#include "daemon/transfer/piece_checks.h"

namespace batuta::transfer {

// PartialWriter owns the partial file of a blob: it writes what arrives and keeps the journal, while a lane
// beside it hashes.
//
// A byte that is there is never written again until StartOver(), so that what was hashed is what is
// published; the exception is a piece that the disk damaged before it was hashed.
class PartialWriter final : public BlobWriter, public std::enable_shared_from_this<PartialWriter> {
 public:
  struct Options {
    uint64_t journal_every_bytes = 1;
    uint64_t checkpoint_every_bytes = 1;
  };

  // `cache` and `disk` outlive the writer.
  PartialWriter(RepoId repo, Entry entry, Options options, cache::Cache& cache, WorkerPool& disk,
                std::shared_ptr<GuardPanel> guards, Events events);

  void Open() override;
  void Write(uint64_t offset, Buffer buffer, size_t length) override;

  bool IsIdle() const override { return queued_writes_.load(std::memory_order_relaxed) < kShortQueue; }

  void StartOver() override;
  void Close(Ending ending) override;

  // Bytes on disk.
  uint64_t done_bytes() const override { return done_bytes_.load(std::memory_order_relaxed); }

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
  void FeedLane(uint64_t offset, Buffer buffer, size_t length);
  void OpenLane();
  absl::Status KeepJournal();
  bool IsBeginningWelcome();
  void OnDamaged(Extent damaged);
  void OnHashed(const absl::StatusOr<std::string>& hash);
  void PublishIfRight(const std::string& hash);
  void Refuse(const absl::Status& refusal);
  void CloseFile(Ending ending);
  void Give(const absl::Status& verdict);

  // A burst of small pieces from one connection or two; a fast link soon queues more and then sends full
  // buffers.
  static constexpr uint32_t kShortQueue = 8;

  const RepoId repo_;
  const Entry entry_;
  const Options options_;
  cache::Cache& cache_;
  WorkerPool& disk_;
  const std::shared_ptr<GuardPanel> guards_;
  const Events events_;
  std::atomic<uint64_t> done_bytes_ = 0;
  std::atomic<uint32_t> queued_writes_ = 0;

  // Used on the strand only.
  std::shared_ptr<cache::Partial> partial_;
  Extents written_;
  std::shared_ptr<PieceChecks> checks_;
  std::shared_ptr<HashLane> lane_;
  uint64_t lanes_ = 0;          // opened so far
  uint64_t run_end_ = 0;        // as the lane was told
  uint64_t look_at_bytes_ = 0;  // once so many are there from the first on, the guards look at them
  uint64_t since_journal_bytes_ = 0;
  uint64_t since_checkpoint_bytes_ = 0;
  int start_overs_ = 0;
  bool has_verdict_ = false;
  bool is_damaged_ = false;  // the verdict was DIGEST_MISMATCH: nobody may resume from these bytes

  Strand strand_;
};

}  // namespace batuta::transfer
