#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"

#include "common/sync/mutex.h"
#include "daemon/safety/base/byte_source.h"

namespace batuta::transfer {

// What a guard is shown.
enum class Arrived {
  kBeginning,  // the first bytes, not verified; the rest is kOutOfRange
  kWhole,      // every byte, and the hash is right
};

// BlobGuard says for one who waits for a blob whether its bytes may be published. Called on the disk pool.
class BlobGuard {
 public:
  virtual ~BlobGuard() = default;

  // While the blob arrives from time to time its beginning, and once the whole. An error is final for this
  // one.
  virtual absl::Status Check(safety::ByteSource& bytes, Arrived arrived) = 0;
};

// GuardPanel is the guards of all who wait for one blob. Thread-safe.
class GuardPanel {
 public:
  // `who` is a TransferId. Without a guard everything is welcome. What was refused stays so.
  void Add(uint64_t who, std::shared_ptr<BlobGuard> guard);
  void Remove(uint64_t who);

  // An error when nobody is left who would have it; that of the first who was asked.
  absl::Status Check(safety::ByteSource& bytes, Arrived arrived);

  // What this one said of the bytes last; OK when it was not asked.
  absl::Status AnswerOf(uint64_t who) const;

 private:
  struct Seat {
    std::shared_ptr<BlobGuard> guard;  // null: everything is welcome
    absl::Status answer;
  };

  mutable Mutex mutex_;
  std::map<uint64_t, Seat> seats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::transfer
