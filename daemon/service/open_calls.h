#pragma once

#include <cstddef>
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

  // Ends the call with StoppingError() unless it has been answered. Any thread; does not block.
  virtual void Abort() = 0;
};

// kUnavailable (DAEMON_STOPPING)
absl::Status StoppingError();

// OpenCalls knows every call under way, so that an idle daemon can tell that it is, and a stopping one can
// end them all: a call that waits for the hub, for a job or for a slow reader never holds up the stop.
// Thread-safe.
class OpenCalls {
 public:
  explicit OpenCalls(SteadyTime now) : last_end_(now) {}

  // Once Stop() has begun, aborts the call at once.
  void Begin(const std::shared_ptr<OpenCall>& call);

  // Once for each Begin().
  void End(const OpenCall* call, SteadyTime now);

  // Aborts every call under way, and those that begin later. Idempotent.
  void Stop();

  size_t running() const;

  // When the last call ended; before the first one, the time of construction.
  SteadyTime last_end() const;

 private:
  mutable Mutex mutex_;
  std::map<const OpenCall*, std::weak_ptr<OpenCall>> calls_ ABSL_GUARDED_BY(mutex_);
  SteadyTime last_end_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace batuta::service
