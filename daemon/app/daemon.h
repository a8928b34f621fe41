#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"

#include "daemon/app/options.h"

namespace batuta::app {

// Daemon is the whole service, wired: everything is constructed here, in the order in which one part needs
// the other, and taken down in reverse.
class Daemon {
 public:
  virtual ~Daemon() = default;

  // Takes the state folder, opens catalog and cache, loads the jobs, binds the socket and serves.
  // `wants_to_stop` is called from any thread when the daemon has a reason of its own to end: an RPC asked
  // for it, or it has been idle too long.
  //   kFailedPrecondition (DAEMON_BUSY)  another daemon holds the folder or the socket.
  //   and those of the cache and the catalog.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(Options options, std::function<void()> wants_to_stop);

  // Takes no more calls, stops and journals the jobs, ends the calls under way, joins every thread.
  // Idempotent.
  virtual void Stop() = 0;
};

}  // namespace batuta::app
