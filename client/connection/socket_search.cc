#include "client/connection/socket_search.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr timeval kConnectTimeout = {5, 0};  // a daemon whose queue of callers is full

absl::Status Unreachable(const SocketAddress& address, std::string_view why, std::string_view hint = {},
                         Facts facts = {}) {
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonUnreachable,
                   fmt::format("socket {}: {}", Quoted(address.path()), why), hint, std::move(facts));
}

std::optional<uid_t> SystemAccount() {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwnam_r("batuta", &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.pw_uid;
}

absl::Status ConnectError(const SocketAddress& address, int error_number) {
  const std::string text = std::generic_category().message(error_number);
  if (error_number == EACCES || error_number == EPERM) {
    return MakeError(absl::StatusCode::kPermissionDenied, reason::kNotPermitted,
                     fmt::format("socket {}: {}", Quoted(address.path()), text),
                     "members of the socket's group may use it (for the system daemon: group `batuta`), from "
                     "their next login on");
  }
  return Unreachable(address, text);
}

}  // namespace

absl::StatusOr<SocketSearch> PlanSocketSearch(const Environment& environment, const std::string& flag) {
  SocketSearch search;
  const std::optional<std::string> variable = environment("BATUTA_SOCKET");
  const std::string named = !flag.empty() ? flag : variable.value_or("");
  if (!named.empty()) {
    ASSIGN_OR_RETURN(const SocketAddress address, SocketAddress::Parse(named));
    search.places.push_back({address, address.path() == SystemSocketPath().native()});
    search.spawn_at = address;
    search.is_explicit = true;
    return search;
  }
  const absl::StatusOr<std::filesystem::path> user = SocketPath(environment);
  search.user_place = user.status();
  if (user.ok()) {
    ASSIGN_OR_RETURN(const SocketAddress address, SocketAddress::Parse(user->native()));
    search.places.push_back({address, false});
    search.spawn_at = address;
  }
  ASSIGN_OR_RETURN(const SocketAddress system, SocketAddress::Parse(SystemSocketPath().native()));
  search.places.push_back({system, true});
  return search;
}

bool IsTrustedPeer(uid_t peer, uid_t own, bool is_system_place, std::optional<uid_t> system_account) {
  return peer == own || peer == 0 || (is_system_place && system_account == peer);
}

absl::StatusOr<UniqueFd> ConnectTo(const SocketSearch::Place& place) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return ErrnoError(errno, "socket");
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kConnectTimeout, sizeof kConnectTimeout);
  const sockaddr_un native = place.address.native();
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&native), sizeof native) != 0) {
    return ConnectError(place.address, errno);
  }
  ASSIGN_OR_RETURN(const PeerCredentials peer, PeerOf(fd.get()));
  const std::optional<uid_t> account = place.is_system ? SystemAccount() : std::nullopt;
  if (!IsTrustedPeer(peer.uid, ::geteuid(), place.is_system, account)) {
    return Unreachable(
        place.address,
        fmt::format("the process that listens there belongs to uid {}, which is neither you nor root; "
                    "nothing was sent to it",
                    peer.uid),
        "remove that socket, or name another one with --socket or BATUTA_SOCKET", {{"stranger", "1"}});
  }
  return fd;
}

}  // namespace batuta::client
