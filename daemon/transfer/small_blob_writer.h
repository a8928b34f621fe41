#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "common/sync/worker_pool.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/transfer/blob_committer.h"
#include "daemon/transfer/blob_guard.h"
#include "daemon/transfer/blob_writer.h"
#include "daemon/transfer/extents.h"

namespace batuta::transfer {

// SmallBlobWriter collects a blob in memory, which costs less than a journal would save: nothing is on disk
// before it is whole and right. Then it is staged, and published together with others.
class SmallBlobWriter final : public BlobWriter, public std::enable_shared_from_this<SmallBlobWriter> {
 public:
  // What is borrowed outlives the writer.
  SmallBlobWriter(RepoId repo, Entry entry, cache::Cache& cache, WorkerPool& disk, BlobCommitter& committer,
                  std::shared_ptr<GuardPanel> guards, Events events);

  void Open() override;
  void Write(uint64_t offset, Buffer buffer, size_t length) override;

  bool IsIdle() const override { return false; }  // one piece is best

  void StartOver() override;
  void Close(Ending ending) override;

  uint64_t done_bytes() const override { return done_bytes_.load(std::memory_order_relaxed); }

 private:
  template <typename Step>
  void Post(Step step);

  // On the strand:
  void WriteNow(uint64_t offset, std::span<const std::byte> bytes);
  void Clear();
  void FinishWhenWhole();
  void Decide();
  absl::Status CheckHash() const;

  const RepoId repo_;
  const Entry entry_;
  cache::Cache& cache_;
  BlobCommitter& committer_;
  const std::shared_ptr<GuardPanel> guards_;
  const Events events_;
  std::atomic<uint64_t> done_bytes_ = 0;

  // Used on the strand only.
  std::string content_;
  Extents written_;
  int start_overs_ = 0;
  bool has_verdict_ = false;

  Strand strand_;
};

}  // namespace batuta::transfer
