#include "daemon/app/instance_lock.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::app {

namespace {

constexpr size_t kMaxHolderText = 160;  // a pid, and a socket's path of at most 107 bytes

struct Holder {
  std::string process = "another process";
  std::string socket;  // printable; empty when it has not said so
};

Holder HolderOf(int file) {
  std::string text(kMaxHolderText, '\0');
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  if (size <= 0) return {};
  text.resize(static_cast<size_t>(size));
  const size_t pid_end = std::min(text.find('\n'), text.size());
  Holder holder{fmt::format("process {}", Printable(text.substr(0, pid_end))), {}};
  if (pid_end < text.size()) {
    const std::string rest = text.substr(pid_end + 1);
    holder.socket = Printable(rest.substr(0, rest.find('\n')));
  }
  return holder;
}

absl::Status Busy(const Holder& holder, const std::filesystem::path& state_dir, std::string_view socket) {
  std::string message =
      fmt::format("{} already serves the state folder {}", holder.process, state_dir.string());
  if (holder.socket.empty() || holder.socket == Printable(socket)) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, reason::kDaemonBusy, message,
        "use it, stop it with `batuta daemon stop`, or give this one another --state-dir and --socket");
  }
  message += fmt::format(", at the socket {}", holder.socket);
  return MakeError(
      absl::StatusCode::kFailedPrecondition, reason::kDaemonBusy, message,
      fmt::format("use it with BATUTA_SOCKET={0}, stop it with `batuta daemon stop --socket {0}`, "
                  "or give this one a state folder of its own (XDG_STATE_HOME)",
                  holder.socket),
      {{"elsewhere", holder.socket}});
}

absl::Status MakeStateDir(const std::filesystem::path& state_dir) {
  std::error_code error;
  if (state_dir.has_parent_path()) std::filesystem::create_directories(state_dir.parent_path(), error);
  if (mkdir(state_dir.c_str(), S_IRWXU) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoError(errno, fmt::format("make state folder {}", state_dir.string()));
}

}  // namespace

absl::StatusOr<InstanceLock> InstanceLock::Take(const std::filesystem::path& state_dir,
                                                std::string_view socket) {
  RETURN_IF_ERROR(MakeStateDir(state_dir));
  const std::filesystem::path path = state_dir / "daemon.lock";
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!file) return ErrnoError(errno, fmt::format("open {}", path.string()));
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoError(errno, fmt::format("lock {}", path.string()));
    return Busy(HolderOf(file.get()), state_dir, socket);
  }
  const std::string self = fmt::format("{}\n{}\n", getpid(), socket);
  if (ftruncate(file.get(), 0) != 0 || pwrite(file.get(), self.data(), self.size(), 0) < 0) {
    return ErrnoError(errno, fmt::format("write {}", path.string()));
  }
  return InstanceLock(std::move(file));
}

}  // namespace batuta::app
