#pragma once

#include <cstdint>

#include "common/time/clock.h"

namespace batuta::transfer {

// TokenBucket spaces bytes so that they come at a rate: it promises each caller a moment, one after the
// other. What was not used lately may be made up for, a tenth of a second's worth at most. Pure: time comes
// in.
class TokenBucket {
 public:
  // 0 = no limit. Promises made before are void: they are neither kept nor counted.
  void SetRate(uint64_t bytes_per_second);

  uint64_t bytes_per_second() const { return rate_; }

  // From when the caller may take `bytes` (a small piece: at most a few MiB). Not later than `now`: at once.
  SteadyTime Promise(uint64_t bytes, SteadyTime now);

 private:
  uint64_t rate_ = 0;
  SteadyTime promised_until_ = SteadyTime::min();  // at this rate, all that was promised has come by then
};

// How much to ask a bucket for at once: about 20 ms worth, so that the flow is even, within 1 KiB and 1 MiB,
// so that the asking costs little. 0 = no limit. Pure.
uint64_t PieceAt(uint64_t bytes_per_second);

// How many connections are worth having at a rate; ≥ 1. Pure.
int ConnectionsAt(uint64_t bytes_per_second);

}  // namespace batuta::transfer
