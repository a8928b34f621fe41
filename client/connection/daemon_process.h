#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include <sys/types.h>

#include "common/config/locations.h"
#include "common/rpc/socket_address.h"

namespace batuta::client {

// The program to start: `batutad` beside this program, else the first one in PATH.
//   kUnavailable (DAEMON_UNREACHABLE)  there is none.
absl::StatusOr<std::filesystem::path> FindDaemonProgram(const Environment& environment,
                                                        const std::filesystem::path& this_program);

// DaemonProcess is a daemon that this client started: in a session of its own, with no descriptor of ours but
// its log file, so that it outlives the client, its terminal and its pipes.
class DaemonProcess {
 public:
  // Starts `program` listening on `socket`. It gets the caller's environment (endpoint and cache follow from
  // it) without the variables that hold a token. What it prints goes to `batutad.log` in the state folder.
  //   kUnavailable (DAEMON_UNREACHABLE)  it could not be started. Others: ErrnoError() of the log file.
  static absl::StatusOr<DaemonProcess> Start(const Environment& environment,
                                             const std::filesystem::path& program,
                                             const SocketAddress& socket);

  struct Ending {
    std::string how;     // "exited with code 3", "was killed by signal 9"
    int exit_code = -1;  // -1 when it was killed
  };

  // How it ended, once it has.
  std::optional<Ending> Ended();

  // What it wrote last since its start: a line, and the hint below it (batutad indents those). Printable;
  // empty when there is none.
  struct LastWords {
    std::string line;
    std::string hint;
  };

  LastWords Last() const;

  const std::filesystem::path& log_path() const { return log_path_; }

 private:
  DaemonProcess(pid_t pid, std::filesystem::path log_path, uint64_t log_begin)
      : pid_(pid), log_path_(std::move(log_path)), log_begin_(log_begin) {}

  pid_t pid_;
  std::filesystem::path log_path_;
  uint64_t log_begin_;
  std::optional<Ending> ended_;
};

}  // namespace batuta::client
