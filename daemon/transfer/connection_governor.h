#pragma once

#include <cstdint>

#include "common/time/clock.h"

namespace batuta::transfer {

// ConnectionGovernor says how many connections beyond the first of each blob are worth having. Where a
// connection alone is slow, the network or the server is the limit and more of them help: all that are
// allowed are used at once. Where it is fast, this machine is the limit, and more of them only scatter what
// arrives: their number grows while the throughput grows with it. It is halved when the throughput collapses.
// Pure: time and counts come in. Not thread-safe.
class ConnectionGovernor {
 public:
  struct Limits {
    int at_start = 0;  // before anything is known
    int most = 0;
  };

  struct Reading {
    uint64_t received_bytes = 0;  // over the network since the last reading
    int open = 0;                 // connections
    bool wants_more = false;      // a blob could use one more than it has
  };

  explicit ConnectionGovernor(Limits limits) : limits_(limits), spare_(limits.at_start) {}

  // About ten times a second while anything moves.
  void Observe(SteadyTime now, const Reading& reading);

  // Nothing moves any more: what was learned is of no use for whatever comes next.
  void Forget() { *this = ConnectionGovernor(limits_); }

  int spare() const { return spare_; }

 private:
  enum class Phase { kUnknown, kTrying, kHolding };

  void BeginMeasure(SteadyTime now);
  void Hold(SteadyTime now);
  void Try(SteadyTime now);
  void OnRate(SteadyTime now, double rate, const Reading& reading);
  void WatchForCollapse(SteadyTime now, double rate);

  Limits limits_;
  int spare_;
  Phase phase_ = Phase::kUnknown;
  SteadyTime measured_from_;
  uint64_t measured_bytes_ = 0;
  bool is_measuring_ = false;
  double usual_rate_ = 0;   // bytes per second, of all together
  double rate_before_ = 0;  // what was tried last
  int spare_before_ = 0;
  SteadyTime held_until_;
  int slow_rates_ = 0;  // in a row
};

}  // namespace batuta::transfer
