#pragma once

#include <cstdint>

#include "common/time/clock.h"

namespace batuta::transfer {

// Movement is how one connection fares, seen through samples a tenth of a second or so apart. Time in which
// it is held back by us (no buffer is free, or the budget has no room) is not held against it. Pure: time
// comes in.
class Movement {
 public:
  explicit Movement(SteadyTime now) : sampled_at_(now), moved_at_(now), free_since_(now) {}

  // `received_bytes`: since the connection was dialled.
  void Sample(SteadyTime now, uint64_t received_bytes, bool is_held_back);

  // For how long no byte has come.
  Duration quiet(SteadyTime now) const { return now - moved_at_; }

  // For how long nothing of ours has held it back.
  Duration free_for(SteadyTime now) const { return now - free_since_; }

  // Smoothed over about a second; 0 before the first byte.
  uint64_t bytes_per_second() const { return static_cast<uint64_t>(rate_); }

 private:
  SteadyTime sampled_at_;
  SteadyTime moved_at_;
  SteadyTime free_since_;
  uint64_t received_bytes_ = 0;
  double rate_ = 0;
};

// Is a connection so much slower than others of the same blob (a tenth of their mean, for five seconds), with
// so much left to fetch (five seconds and more), that dropping it and dialling anew is the better bet?
// `usual_bytes_per_second`: what others do or did; 0 = unknown. Pure.
bool IsLaggard(const Movement& movement, SteadyTime now, uint64_t rest_bytes,
               uint64_t usual_bytes_per_second);

}  // namespace batuta::transfer
