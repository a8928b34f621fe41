#pragma once

#include <functional>
#include <memory>

#include "common/sync/worker_pool.h"
#include "daemon/cache/cache.h"

namespace batuta::transfer {

// BlobCommitter publishes staged blobs in groups: while one group waits for the disk, the next one gathers. A
// blob that comes alone is published at once. Thread-safe.
class BlobCommitter {
 public:
  // Both outlive the committer.
  BlobCommitter(cache::Cache& cache, WorkerPool& disk);
  ~BlobCommitter();
  BlobCommitter(const BlobCommitter&) = delete;
  BlobCommitter& operator=(const BlobCommitter&) = delete;

  // `done` runs on a thread of the disk pool; not when that has been stopped.
  void Add(cache::StagedBlob blob, std::function<void(const absl::Status&)> done);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace batuta::transfer
