#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/fake_cache.h"
#include "tests/support/fake_transfer/fake_range_source.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"

namespace batuta::transfer {

// RecordingObserver remembers what it was told. Core sequence only.
class RecordingObserver final : public TransferObserver {
 public:
  struct Wait {
    transport::WaitInfo info;
    absl::Status cause;
    int attempt = 0;
  };

  void OnProgress(uint64_t done_bytes, uint64_t received_bytes) override;
  void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) override;
  void OnElsewhere(const RepoId& repo) override;
  void OnFinished(const absl::Status& status) override;

  bool is_finished() const { return end.has_value(); }

  bool is_ok() const { return end && end->ok(); }

  std::vector<uint64_t> done;  // of each OnProgress
  uint64_t received = 0;       // of all together
  std::vector<Wait> waits;
  std::optional<RepoId> elsewhere;
  std::optional<absl::Status> end;
  int calls_after_end = 0;
  std::function<void()> on_progress;  // for tests that act from inside a callback
  std::function<void()> on_finished;
};

// Valid weights, as EntryOf() calls them; the same for the same arguments.
std::string MakeContent(size_t size_bytes, uint32_t seed = 1);

BlobId BlobIdOf(const std::string& content, BlobId::Kind kind = BlobId::Kind::kSha256);
RepoId TestRepo();
Entry EntryOf(const std::string& content, BlobId::Kind kind = BlobId::Kind::kSha256);

// Small numbers, so that small blobs are cut into many segments and none is kept in memory: segments of 64 to
// 256 KiB, pieces of 16 KiB, a journal every 64 KiB and a checkpoint every 512 KiB.
TransferOptions SmallOptions();

// TransferWorld is Transfers with everything around it faked, on one manual runner that plays core sequence,
// transport and disk pool by turns.
class TransferWorld {
 public:
  struct Setup {
    TransferOptions options = SmallOptions();
    size_t buffers = 64;
    size_t buffer_bytes = 16 * 1024;
    std::shared_ptr<FakeCache> cache;                 // a new one when null
    std::shared_ptr<BandwidthLimit> limit = nullptr;  // of all transfers together
  };

  TransferWorld() : TransferWorld(Setup()) {}

  explicit TransferWorld(Setup setup);
  ~TransferWorld();

  std::shared_ptr<FakeRangeSource> Source(std::string content, size_t chunk_bytes = 8 * 1024);

  struct Joined {
    TransferId id = 0;
    std::shared_ptr<RecordingObserver> observer;
  };

  Joined Join(const Entry& entry, std::shared_ptr<transport::RangeSource> source,
              Priority priority = Priority::kNormal, bool may_wait = true);

  Joined Join(TransferSpec spec);

  void Run() { core.RunUntilIdle(); }

  // Lets time pass until the observer is finished; false when it is not after `limit`.
  bool RunUntilFinished(const RecordingObserver& observer, Duration limit = std::chrono::hours(10));

  // Drain(), to its end.
  bool Drain();

  std::string Published(const Entry& entry) const;

  // As if the process had died here: nothing posted is run, nothing is journalled. The cache can be given to
  // another world.
  void Kill();

  ManualTaskRunner core;
  std::shared_ptr<FakeCache> cache;
  std::unique_ptr<BufferPool> buffers;
  std::unique_ptr<ManualWorkerPool> disk;
  std::unique_ptr<Transfers> transfers;

 private:
  std::vector<std::shared_ptr<FakeRangeSource>> sources_;
  bool is_killed_ = false;
};

}  // namespace batuta::transfer
