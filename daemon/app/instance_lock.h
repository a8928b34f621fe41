#pragma once

#include <filesystem>
#include <string_view>

#include "absl/status/statusor.h"

#include "common/io/unique_fd.h"

namespace batuta::app {

// InstanceLock makes its holder the only daemon of a state folder: flock(2) on `daemon.lock`, which holds the
// pid and the socket for people, a line each. The kernel drops it when the process ends, however it ends.
class InstanceLock {
 public:
  // Makes the folder (mode 0700) when missing. `socket` is where the holder will listen.
  //   kFailedPrecondition (DAEMON_BUSY)  another daemon holds it; the message says which process, and where
  //   it
  //                                      listens. The fact `elsewhere` is there when that is not `socket`.
  static absl::StatusOr<InstanceLock> Take(const std::filesystem::path& state_dir, std::string_view socket);

 private:
  explicit InstanceLock(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
};

}  // namespace batuta::app
