#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include <sys/socket.h>

namespace batuta::metrics {

// "127.0.0.1:9469" or "[::1]:9469": an address of this machine alone, so that no metric leaves it unasked.
// Port 0: any that is free. Pure.
//   kInvalidArgument (CONFIG_INVALID)  it is none: also one that others could reach.
absl::StatusOr<sockaddr_storage> ParseLoopback(std::string_view text);

}  // namespace batuta::metrics
