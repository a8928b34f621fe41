#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/status.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"

namespace batuta::service {

// One call of the API under way.
class OpenCall {
 public:
  virtual ~OpenCall() = default;

  // Ends the call with this error unless it has been answered. Any thread; does not block.
  virtual void Abort(const absl::Status& status) = 0;
};

// kUnavailable (DAEMON_STOPPING)
absl::Status StoppingError();

// kResourceExhausted (DAEMON_BUSY)
absl::Status TooManyCallsError(size_t max);

// OpenCalls knows every call under way, so that an idle daemon can tell that it is, and a stopping one can
// end them all: a call that waits for the hub, for a job or for a slow reader never holds up the stop.
// Those of one user are counted as well, so that he has no more than a share.
// Thread-safe.
class OpenCalls {
 public:
  explicit OpenCalls(SteadyTime now) : last_end_(now) {}

  // The calls of one user, at most `max`, among `all`, which outlives them.
  OpenCalls(OpenCalls& all, size_t max, SteadyTime now) : all_(&all), max_(max), last_end_(now) {}

  // Once Stop() has begun, or when the user has as many as he may, aborts the call at once.
  void Begin(const std::shared_ptr<OpenCall>& call);

  // Once for each Begin().
  void End(const OpenCall* call, SteadyTime now);

  // Aborts every call under way, and those that begin later. Idempotent.
  void Stop();

  size_t running() const;

  // When the last call ended; before the first one, the time of construction.
  SteadyTime last_end() const;

 private:
  OpenCalls* const all_ = nullptr;
  const size_t max_ = SIZE_MAX;
  mutable Mutex mutex_;
  std::map<const OpenCall*, std::weak_ptr<OpenCall>> calls_ ABSL_GUARDED_BY(mutex_);
  SteadyTime last_end_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace batuta::service
