#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "batuta/v1/daemon_service.pb.h"

#include "client/connection/daemon_client.h"
#include "client/connection/socket_search.h"
#include "common/config/locations.h"
#include "common/types/secret.h"

namespace batuta::client {

// A connection to a daemon that answered.
struct Connection {
  std::unique_ptr<DaemonClient> client;
  v1::GetStatusResponse status;  // what it said of itself
};

struct ConnectOptions {
  bool may_spawn = true;       // start a daemon of our own when none answers
  bool check_identity = true;  // refuse a daemon that serves another endpoint or cache than the caller names
  bool send_token = true;      // find the caller's token and send it with every call
  std::optional<Secret> token = std::nullopt;  // send this one instead
  std::chrono::milliseconds patience{0};       // how long any unary call may take; 0 = no limit
};

// Does the daemon serve what the caller's environment names? Only what HF_ENDPOINT, HF_HUB_CACHE,
// HUGGINGFACE_HUB_CACHE or HF_HOME say counts: a daemon may have its own defaults.
//   kFailedPrecondition (DAEMON_MISMATCH)   it does not; the hint names the ways out.
//   kInvalidArgument (CONFIG_INVALID)       a variable is malformed.
absl::Status CheckIdentity(const Environment& environment, const v1::GetStatusResponse& daemon);

// Connector finds the daemon, and starts one when none answers.
//
// It tries --socket or BATUTA_SOCKET alone when given, else the user's socket, then the system's. A daemon
// that it starts listens at the named or the user's socket; when two clients start one at once, the second
// daemon sees the first and leaves, and both clients reach the first. Blocking (a start takes up to five
// seconds); thread-safe.
class Connector {
 public:
  struct Options {
    Environment environment;
    std::string socket_flag;             // --socket; empty = not given
    std::filesystem::path this_program;  // its folder is searched for batutad first; may be empty
    std::string tool = "batuta";         // how this client calls itself
  };

  explicit Connector(Options options) : options_(std::move(options)) {}

  // Errors: those of PlanSocketSearch(), ConnectTo(), FindHubToken() and CheckIdentity();
  //   kUnavailable (DAEMON_UNREACHABLE)  nobody answers, and a daemon may not (BATUTA_NO_SPAWN) or could not
  //   be started; the
  //                                      message says what was tried, the hint how to start one.
  absl::StatusOr<Connection> Open(const ConnectOptions& options) const;

 private:
  absl::StatusOr<Connection> OpenExisting(const SocketSearch& search, const CallIdentity& identity) const;
  absl::StatusOr<Connection> Spawn(const SocketSearch& search, const CallIdentity& identity) const;

  Options options_;
};

}  // namespace batuta::client
