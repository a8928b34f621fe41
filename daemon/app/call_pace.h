#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"

namespace batuta::app {

// How fast the calls of one connection are begun: kBurst of them at any pace, and kPerSecond from then on.
// Pure.
class CallPace {
 public:
  static constexpr double kBurst = 1'000;
  static constexpr double kPerSecond = 5'000;
  // As many as a connection may have under way. Where there are more, they were taken back, and cost memory
  // until they are begun.
  static constexpr double kMostWaiting = 100;

  // One more has come; how long it waits for its turn.
  Duration Add(SteadyTime now);

 private:
  double level_ = 0;  // kPerSecond of it are forgotten in a second
  SteadyTime at_;
};

// CallPaces keeps the connections of a user from taking all processors: without it one that asks anew at each
// answer does, and everybody else waits behind what it has under way. Thread-safe.
class CallPaces {
 public:
  explicit CallPaces(const Clock& clock) : clock_(clock) {}

  // A call has come on the connection that gRPC names `peer`; how long it waits for its turn.
  Duration Add(std::string_view peer);

 private:
  const Clock& clock_;
  Mutex mutex_;
  // By peer: descriptors, so there are no more than of those, and a new connection may begin with what an old
  // one has left of its burst.
  std::map<std::string, CallPace, std::less<>> paces_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::app
