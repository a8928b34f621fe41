#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace batuta::client {

// What `batutad --check` prints: one JSON document. It gets the caller's environment without the variables
// that hold a token. Blocks for 45 seconds at most.
//   kUnavailable (DAEMON_UNREACHABLE)  it cannot be started, does not end, or says why it cannot tell: the
//   message has its words.
absl::StatusOr<std::string> RunDaemonCheck(const std::filesystem::path& program, bool without_network);

}  // namespace batuta::client
