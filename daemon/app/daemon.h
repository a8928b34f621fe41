#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"

#include "daemon/app/options.h"
#include "daemon/app/service_manager.h"

namespace batuta::app {

// Daemon is the whole service, wired: everything is constructed here, in the order in which one part needs
// the other, and taken down in reverse.
class Daemon {
 public:
  virtual ~Daemon() = default;

  // Takes the state folder, opens catalog and cache, loads the jobs, binds the socket (or takes the one that
  // `manager` hands over) and serves. `manager` outlives the daemon and hears what it does.
  // `wants_to_stop` is called from any thread when the daemon has a reason of its own to end: an RPC asked
  // for it, or it has been idle too long.
  //   kFailedPrecondition (DAEMON_BUSY)  another daemon holds the folder or the socket.
  //   kInvalidArgument (CONFIG_INVALID)  what was handed over is no socket to serve.
  //   and those of the cache and the catalog.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(Options options, ServiceManager& manager,
                                                       std::function<void()> wants_to_stop);

  // The configuration was read again. What can change in a running daemon follows at once: log level, idle
  // time, bandwidth, quotas, rate of verification; the log says what did, and what needs a restart. Not
  // beside Stop().
  virtual void Reconfigure(Options options) = 0;

  // Takes no more calls, stops and journals the jobs, ends the calls under way, joins every thread.
  // Idempotent.
  virtual void Stop() = 0;
};

}  // namespace batuta::app
