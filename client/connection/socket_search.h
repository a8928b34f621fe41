#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/config/locations.h"
#include "common/io/unique_fd.h"
#include "common/rpc/socket_address.h"

namespace batuta::client {

// Where a daemon may listen, in the order in which to try.
struct SocketSearch {
  struct Place {
    SocketAddress address;
    bool is_system = false;  // the machine's own daemon
  };

  std::vector<Place> places;
  std::optional<SocketAddress> spawn_at;  // where a daemon of our own would listen
  bool is_explicit = false;               // named by --socket or BATUTA_SOCKET: no other place is tried
  absl::Status user_place;                // why the user's own place cannot be used, when it cannot
};

// `flag` is the value of --socket, or empty. Touches no disk.
//   kInvalidArgument (INVALID_ARGUMENT)  --socket or BATUTA_SOCKET is no usable path.
absl::StatusOr<SocketSearch> PlanSocketSearch(const Environment& environment, const std::string& flag);

// May a process of `peer` be trusted with the caller's token? Its own user and root may; at the system place
// also the account `batuta` that the administrator made, whose uid is `system_account` when there is one.
// Pure.
bool IsTrustedPeer(uid_t peer, uid_t own, bool is_system_place, std::optional<uid_t> system_account);

// Connects and makes sure who listens, before a byte is sent. The check is made on the connected descriptor
// (SO_PEERCRED), not on the path beforehand: between a look at a path and the connection to it a stranger
// could swap the socket.
//   kUnavailable (DAEMON_UNREACHABLE)      nobody listens there; the message says why.
//   kPermissionDenied (NOT_PERMITTED)      the caller may not open that socket.
//   kUnavailable (DAEMON_UNREACHABLE), with the fact "stranger"="1": somebody else's process listens there.
absl::StatusOr<UniqueFd> ConnectTo(const SocketSearch::Place& place);

}  // namespace batuta::client
