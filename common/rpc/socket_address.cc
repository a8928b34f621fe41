#include "common/rpc/socket_address.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta {
namespace {

absl::Status Refuse(std::string_view path, std::string_view why, std::string_view hint) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("socket path {}: {}", Quoted(path), why), hint);
}

}  // namespace

absl::StatusOr<SocketAddress> SocketAddress::Parse(std::string_view path) {
  constexpr std::string_view kAbsolute = "give an absolute path with --socket or BATUTA_SOCKET";
  if (path.empty()) return Refuse(path, "is empty", kAbsolute);
  if (path.front() != '/') return Refuse(path, "is not absolute", kAbsolute);
  if (path.find('\0') != std::string_view::npos) return Refuse(path, "holds a zero byte", kAbsolute);
  if (path.size() > kMaxPathBytes) {
    return Refuse(
        path,
        fmt::format("is {} bytes long; the kernel takes {} for a Unix socket", path.size(), kMaxPathBytes),
        "set XDG_RUNTIME_DIR to a shorter folder of your own (mode 0700), or name a shorter path with "
        "--socket or "
        "BATUTA_SOCKET");
  }
  return SocketAddress(std::string(path));
}

sockaddr_un SocketAddress::native() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  return address;
}

absl::StatusOr<PeerCredentials> PeerOf(int connected_socket) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(connected_socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return ErrnoError(errno, "getsockopt SO_PEERCRED");
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace batuta
