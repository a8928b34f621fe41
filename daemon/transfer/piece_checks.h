#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "common/sync/mutex.h"
#include "daemon/cache/partial.h"
#include "daemon/transfer/extents.h"

typedef struct XXH3_state_s XXH3_state_t;

namespace batuta::transfer {

// A checksum (XXH3, 64 bits) of bytes that come in order.
class RunningSum {
 public:
  RunningSum();
  void Update(std::span<const std::byte> bytes);
  uint64_t value() const;

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const;
  };

  std::unique_ptr<XXH3_state_t, Free> state_;
};

// PieceChecks sums up each piece of a blob while its bytes arrive, so that what is read back later can be
// compared: the hash of the blob tells that something is wrong, a piece tells what. A piece whose bytes did
// not arrive in order has no sum and is not compared. Thread-safe.
class PieceChecks {
 public:
  // `known`: what an earlier run left; ignored when it is cut in other pieces.
  PieceChecks(uint64_t size_bytes, cache::PieceSums known);

  // `bytes` have arrived for `offset`.
  void OnArrived(uint64_t offset, std::span<const std::byte> bytes);

  // The piece with the byte at `offset`.
  Extent PieceAt(uint64_t offset) const;

  // The sum of the piece that begins at `offset`; nullopt when it has none, or none begins there.
  std::optional<uint64_t> SumAt(uint64_t offset) const;

  // The piece will arrive once more.
  void Forget(Extent piece);

  cache::PieceSums sums() const;

 private:
  struct Open {
    RunningSum sum;
    uint64_t cursor = 0;
  };

  uint64_t NumberOf(uint64_t offset) const { return offset / piece_bytes_; }

  void Extend(const Extent& piece, uint64_t offset, std::span<const std::byte> bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t size_bytes_;
  const uint64_t piece_bytes_;
  mutable Mutex mutex_;
  cache::PieceSums sums_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Open> open_ ABSL_GUARDED_BY(mutex_);  // by number of the piece
};

}  // namespace batuta::transfer
