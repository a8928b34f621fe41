#include "daemon/transfer/blob_committer.h"

#include <utility>
#include <vector>

#include "common/sync/mutex.h"

namespace batuta::transfer {

struct BlobCommitter::State : std::enable_shared_from_this<BlobCommitter::State> {
  State(cache::Cache& cache_in, WorkerPool& disk_in) : cache(cache_in), disk(disk_in) {}

  void Post() {
    disk.Post([self = shared_from_this()] { self->Commit(); });
  }

  void Commit() {
    std::vector<cache::StagedBlob> group;
    std::vector<std::function<void(const absl::Status&)>> waiting;
    {
      MutexLock lock(mutex);
      group.swap(blobs);
      waiting.swap(done);
    }
    const std::vector<absl::Status> results = cache.Publish(std::move(group));
    for (size_t i = 0; i < waiting.size(); ++i) waiting[i](results[i]);
    {
      MutexLock lock(mutex);
      is_busy = !blobs.empty();
      if (!is_busy) return;
    }
    Post();
  }

  cache::Cache& cache;
  WorkerPool& disk;
  Mutex mutex;
  std::vector<cache::StagedBlob> blobs ABSL_GUARDED_BY(mutex);
  std::vector<std::function<void(const absl::Status&)>> done ABSL_GUARDED_BY(mutex);  // of each
  bool is_busy ABSL_GUARDED_BY(mutex) = false;
};

BlobCommitter::BlobCommitter(cache::Cache& cache, WorkerPool& disk)
    : state_(std::make_shared<State>(cache, disk)) {}

BlobCommitter::~BlobCommitter() = default;

void BlobCommitter::Add(cache::StagedBlob blob, std::function<void(const absl::Status&)> done) {
  {
    MutexLock lock(state_->mutex);
    state_->blobs.push_back(std::move(blob));
    state_->done.push_back(std::move(done));
    if (std::exchange(state_->is_busy, true)) return;
  }
  state_->Post();
}

}  // namespace batuta::transfer
