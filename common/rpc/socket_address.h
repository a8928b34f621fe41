#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

namespace batuta {

// SocketAddress is the path of a Unix socket, known to fit into what the kernel takes.
class SocketAddress {
 public:
  // Longest path, without the closing zero byte.
  static constexpr size_t kMaxPathBytes = sizeof(sockaddr_un::sun_path) - 1;

  //   kInvalidArgument (INVALID_ARGUMENT)  empty, not absolute, holds a zero byte, or longer than
  //   kMaxPathBytes; the hint
  //                                        names the ways out.
  static absl::StatusOr<SocketAddress> Parse(std::string_view path);

  const std::string& path() const { return path_; }

  // For bind(2) and connect(2).
  sockaddr_un native() const;

  // The name gRPC gives it: `unix:/run/batuta/batutad.sock`.
  std::string grpc_target() const { return "unix:" + path_; }

  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;

 private:
  explicit SocketAddress(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// Who sits at the other end of a connected Unix socket, as the kernel recorded it when the connection was
// made (for the connecting side: when the other side called listen). Errors as ErrnoError() maps them.
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

absl::StatusOr<PeerCredentials> PeerOf(int connected_socket);

}  // namespace batuta
