#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/time/backoff.h"
#include "common/types/entry.h"
#include "common/types/principal.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/transfer/bandwidth.h"
#include "daemon/transfer/blob_guard.h"
#include "daemon/transfer/buffer_pool.h"
#include "daemon/transport/range_source.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::transfer {

struct TransferOptions {
  int connections_per_blob = 8;  // ≥ 1
  int spare_at_start = 3;        // connections beyond the first of each blob, before speeds are known
  int connections = 32;          // all blobs together; at most half the buffers of the pool
  int blobs_in_flight = 16;      // ≥ 1; without those that only wait for the disk
  uint64_t small_blob_bytes = 256 << 10;  // up to this size a blob is kept in memory until it is whole
  uint64_t min_segment_bytes = 4 << 20;   // a blob is cut into segments of this size or larger
  uint64_t max_segment_bytes = 32 << 20;
  uint64_t min_piece_bytes =
      1 << 20;  // what a connection is fetching is never split into smaller pieces; ≥ 1
  uint64_t journal_every_bytes = 1 << 20;       // Partial::Journal
  uint64_t checkpoint_every_bytes = 128 << 20;  // Partial::Checkpoint
  BackoffPolicy backoff;
  const metrics::DaemonMetrics* metrics = nullptr;  // outlives the transfers

  // A connection without a byte for so long is dropped and its rest dialled anew; before the first byte the
  // second counts. Time in which the budget holds the request back or in which no buffer is free does not
  // count.
  std::chrono::milliseconds stall_timeout{20'000};
  std::chrono::milliseconds first_byte_timeout{60'000};
};

// What a transfer tells those who wait for it. Every call is on the core sequence; none after OnFinished.
class TransferObserver {
 public:
  virtual ~TransferObserver() = default;

  // `done_bytes` of the blob are on disk, of which the earlier run left some; `received_bytes` came over the
  // network since the last call. done_bytes falls only when the blob is started over, or a
  // part of it that the disk has damaged.
  virtual void OnProgress(uint64_t done_bytes, uint64_t received_bytes) = 0;

  // Nothing moves at present, and why: a transient error and the time of the next try, or a rate limit.
  virtual void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) = 0;

  // The blob is in that repo now, and not in one's own: see TransferSpec::elsewhere_will_do. OnFinished(OK)
  // follows.
  virtual void OnElsewhere(const RepoId& /*repo*/) {}

  // OK: the blob is verified and published under its name. Else it is not, and the status is final:
  //   kDataLoss (DIGEST_MISMATCH)   after one full second try.
  //   kAborted (UPSTREAM_CHANGED)   the same.
  //   kResourceExhausted (DISK_FULL), kUnavailable (STORAGE_FAILED), kPermissionDenied (STORAGE_READ_ONLY)
  //   What TransferSpec::guard said.
  //   kInternal (HUB_PROTOCOL)      somebody else is moving this blob and was told another size.
  //   kUnavailable (DAEMON_STOPPING)  after Drain().
  //   What the own source says that is not transient (one that others lend may still be good for them), and
  //   with may_wait = false what is transient, once nothing moves any more.
  virtual void OnFinished(const absl::Status& status) = 0;
};

using TransferId = uint64_t;

// What to move.
struct TransferSpec {
  RepoId repo;
  Entry entry;  // its path is for messages; blob and size decide
  std::shared_ptr<transport::RangeSource> source;
  Priority priority = Priority::kNormal;
  bool may_wait = true;      // false: a transient error, or being held back by the budget, is final
  Principal principal = {};  // on whose behalf
  std::string job = {};      // for which of his jobs; "" = none

  // When a transfer of the same blob to another repo is under way that was begun with this, too, that one is
  // joined: it ends with OnElsewhere(), and the caller links the blob.
  bool elsewhere_will_do = false;

  // Shared by all transfers of one job; null = none. A blob that several jobs want obeys the most generous.
  std::shared_ptr<BandwidthLimit> limit = nullptr;

  // Whether the bytes may be published on behalf of this one; null = always. When nobody who waits would have
  // them they are removed. A blob that is published for another one is none of its business.
  std::shared_ptr<BlobGuard> guard = nullptr;
};

// Transfers moves blobs into the cache: many at once, each over several connections, resumed where an earlier
// run stopped, hashed while the bytes arrive, published only when the hash is right. The same blob of the
// same repo wanted twice is moved once, and that of two repos as well when they will have it so. Order: by
// priority; then whose principal, and for which of his jobs, was served least (FairQueue); then first come.
//
// One blob: the missing ranges are cut into segments, taken in order so that hashing follows the front; a
// connection that falls idle takes the next one, or half of the largest that is still under way. Transient
// errors are retried for ever with back-off (a changed or damaged blob once from byte 0).
//
// Lives on the core sequence: every method is called there. Disk work and hashing run on the disk pool, a
// strand per blob.
class Transfers {
 public:
  virtual ~Transfers() = default;

  // Everything borrowed outlives the object. Destroy only after Drain() has called back. `limit` holds for
  // all transfers together; null = none.
  static std::unique_ptr<Transfers> Create(TransferOptions options, cache::Cache& cache, Sequence& core,
                                           WorkerPool& disk, BufferPool& buffers, const Clock& clock,
                                           std::shared_ptr<BandwidthLimit> limit = nullptr);

  // Joins the transfer of the same (repo, blob) when there is one, or else of the same blob, when that will
  // do. `observer` is kept until OnFinished or
  // Leave().
  virtual TransferId Join(TransferSpec spec, std::shared_ptr<TransferObserver> observer) = 0;

  // For this observer from now on; what is under way goes on. Nothing happens when it has finished.
  virtual void SetPriority(TransferId id, Priority priority) = 0;

  // This observer no longer cares. The last one to leave stops the transfer; what has arrived is kept and
  // journalled.
  virtual void Leave(TransferId id) = 0;

  // Stops everything, journals, finishes every observer with kUnavailable (DAEMON_STOPPING), then calls
  // `done`. Later Joins finish with kUnavailable (DAEMON_STOPPING).
  virtual void Drain(absl::AnyInvocable<void()> done) = 0;
};

}  // namespace batuta::transfer
