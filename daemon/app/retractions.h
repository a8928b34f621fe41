#pragma once

#include <cstdint>
#include <string_view>

#include "absl/base/thread_annotations.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"

namespace batuta::app {

// How many calls a user has taken back of late: each counts for one, and so many as are allowed are forgotten
// in a second. Pure.
class RetractionLevel {
 public:
  // Ten times what one connection may have under way: a program that gives up all it asked, and asks anew.
  static constexpr double kMost = 1'000;

  void Add(SteadyTime now);
  bool IsTooHigh(SteadyTime now) const;

 private:
  double At(SteadyTime now) const;

  double level_ = 0;
  SteadyTime at_;
};

// Retractions closes the connections of a user who takes calls back as fast as he makes them (HTTP/2 rapid
// reset). No limit of gRPC's holds for those: a call that was taken back leaves room for the next one at
// once, but what it takes in memory is given back only when its turn has come to be begun, and gRPC reads
// faster than that. It shows as soon as the first of them are begun, since their messages are missing.
// Thread-safe.
class Retractions {
 public:
  Retractions(uint32_t uid, const Clock& clock) : uid_(uid), clock_(clock) {}

  // A call was taken back before its message had come. `peer` is how gRPC names its connection, which is
  // closed when that was one too many. The call is still under way.
  void Note(std::string_view peer);

  // Whether this is going on: then the user gets no new connection.
  bool AreTooMany() const;

 private:
  bool IsToTell(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint32_t uid_;
  const Clock& clock_;
  mutable Mutex mutex_;
  RetractionLevel level_ ABSL_GUARDED_BY(mutex_);
  SteadyTime tell_again_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::app
