#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "common/sync/task_runner.h"
#include "common/time/clock.h"
#include "daemon/transfer/token_bucket.h"

namespace batuta::transfer {

// BandwidthLimit is how fast bytes may come for all that share it: one job, or the whole daemon. Thread-safe.
class BandwidthLimit {
 public:
  // 0 = no limit.
  explicit BandwidthLimit(uint64_t bytes_per_second = 0) { Set(bytes_per_second); }

  // Whoever waits hears of it within a fifth of a second.
  void Set(uint64_t bytes_per_second);

  uint64_t bytes_per_second() const { return bytes_per_second_.load(std::memory_order_relaxed); }

 private:
  friend class BandwidthGate;

  // How often it was changed.
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

  // See TokenBucket.
  SteadyTime Promise(uint64_t bytes, SteadyTime now);

  std::atomic<uint64_t> bytes_per_second_ = 0;
  std::atomic<uint64_t> changes_ = 0;
  Mutex mutex_;
  TokenBucket bucket_ ABSL_GUARDED_BY(mutex_);
};

// BandwidthGate is where the bytes of one blob wait for their turn: under the limit of all transfers
// together, and under the most generous of those that its observers brought. Thread-safe.
class BandwidthGate : public std::enable_shared_from_this<BandwidthGate> {
 public:
  // What one connection has been promised; used by that one only.
  struct Grant {
    uint64_t bytes = 0;
    SteadyTime from;
    uint64_t change = 0;
  };

  // `overall` may be null: no limit. `timer` and `clock` outlive the gate.
  BandwidthGate(std::shared_ptr<BandwidthLimit> overall, TaskRunner& timer, const Clock& clock)
      : overall_(std::move(overall)), timer_(timer), clock_(clock) {}

  // One for each observer; null = it has none, and then the blob has none.
  void SetLimits(std::vector<std::shared_ptr<BandwidthLimit>> limits);

  // How many bytes may be taken now by someone who has `wanted` (≥ 1) before him; 0: not yet, see
  // CallWhenOpen(). What is taken is handed in with Use().
  uint64_t Allow(Grant& grant, uint64_t wanted);

  static void Use(Grant& grant, uint64_t bytes) { grant.bytes -= bytes < grant.bytes ? bytes : grant.bytes; }

  // Calls `task` on the timer's thread, once, when it is worth calling Allow() again.
  void CallWhenOpen(const Grant& grant, Task task);

  // How many connections of the blob are worth having; ≥ 1.
  int useful_connections() const;

 private:
  // The limits that hold now.
  struct Standing {
    std::shared_ptr<BandwidthLimit> own;  // null: none
    uint64_t bytes_per_second = 0;        // the tighter of the two; 0 = no limit
    uint64_t change = 0;                  // grows when anything changes
  };

  Standing Look() const;

  const std::shared_ptr<BandwidthLimit> overall_;
  TaskRunner& timer_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<BandwidthLimit>> limits_ ABSL_GUARDED_BY(mutex_);
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace batuta::transfer
