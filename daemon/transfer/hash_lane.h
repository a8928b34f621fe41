#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "common/sync/worker_pool.h"
#include "common/types/blob_id.h"
#include "daemon/cache/partial.h"
#include "daemon/transfer/buffer_pool.h"
#include "daemon/transfer/extents.h"
#include "daemon/transfer/hash_front.h"
#include "daemon/transfer/piece_checks.h"

namespace batuta::transfer {

// HashLane hashes a blob beside the writes, on a strand of its own: a fast link then waits for the slower of
// the two, not for their sum. It is told how far the unbroken run of written bytes reaches; bytes that come
// with the news are hashed from memory, the others are read back and compared with what had arrived.
//
// Methods may be called on any thread and return at once.
class HashLane final : public std::enable_shared_from_this<HashLane> {
 public:
  // All run on a thread of the disk pool.
  struct Events {
    // These bytes are not any more what had arrived. The run ends before them: what Advance() says goes
    // unheard until Resume().
    std::function<void(Extent damaged)> damaged;

    // The hash of all bytes, in hex; or why it cannot be had, see HashFront. Once, last.
    std::function<void(absl::StatusOr<std::string> hash)> finished;
  };

  // `checks` belongs to the writer, which lives as long as the events refer to it; `disk` outlives the lane.
  HashLane(BlobId::Kind kind, uint64_t size_bytes, std::shared_ptr<cache::Partial> partial,
           std::shared_ptr<const PieceChecks> checks, WorkerPool& disk, Events events);

  // The run of written bytes reaches from 0 to `end` now.
  void Advance(uint64_t end);

  // The same, and its last `length` bytes are those in `buffer`, which goes back to its pool soon.
  void Advance(uint64_t end, Buffer buffer, size_t length);

  // Goes on after damage; the run reaches to `end`.
  void Resume(uint64_t end);

  // Nothing is read or said any more once `then` has run, on the disk pool; it may be null.
  void Stop(std::function<void()> then);

  // How much of the run is not hashed yet. A hint.
  uint64_t lag_bytes() const {
    return told_.load(std::memory_order_relaxed) - hashed_.load(std::memory_order_relaxed);
  }

 private:
  template <typename Step>
  void Post(Step step);

  // On the strand:
  void AdvanceNow(uint64_t end, std::span<const std::byte> last_bytes);
  void Proceed();
  void End(absl::StatusOr<std::string> hash);

  const uint64_t size_bytes_;
  const Events events_;
  std::atomic<uint64_t> told_ = 0;
  std::atomic<uint64_t> hashed_ = 0;

  // Used on the strand only.
  std::shared_ptr<cache::Partial> partial_;
  const std::shared_ptr<const PieceChecks> checks_;
  HashFront front_;
  uint64_t end_ = 0;  // of the run
  bool is_deaf_ = false;
  bool has_ended_ = false;
  bool is_step_posted_ = false;

  Strand strand_;
};

}  // namespace batuta::transfer
