#include "daemon/app/instance_lock.h"

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

constexpr size_t kMaxPidText = 32;

std::string Holder(int file) {
  std::string text(kMaxPidText, '\0');
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  if (size <= 0) return "another process";
  text.resize(static_cast<size_t>(size));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return fmt::format("process {}", Printable(text));
}

absl::Status MakeStateDir(const std::filesystem::path& state_dir) {
  std::error_code error;
  if (state_dir.has_parent_path()) std::filesystem::create_directories(state_dir.parent_path(), error);
  if (mkdir(state_dir.c_str(), S_IRWXU) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoError(errno, fmt::format("make state folder {}", state_dir.string()));
}

}  // namespace

absl::StatusOr<InstanceLock> InstanceLock::Take(const std::filesystem::path& state_dir) {
  RETURN_IF_ERROR(MakeStateDir(state_dir));
  const std::filesystem::path path = state_dir / "daemon.lock";
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!file) return ErrnoError(errno, fmt::format("open {}", path.string()));
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoError(errno, fmt::format("lock {}", path.string()));
    return MakeError(
        absl::StatusCode::kFailedPrecondition, reason::kDaemonBusy,
        fmt::format("{} already serves the state folder {}", Holder(file.get()), state_dir.string()),
        "use it, stop it with `batuta daemon stop`, or give this one another --state-dir and --socket");
  }
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(file.get(), 0) != 0 || pwrite(file.get(), pid.data(), pid.size(), 0) < 0) {
    return ErrnoError(errno, fmt::format("write {}", path.string()));
  }
  return InstanceLock(std::move(file));
}

}  // namespace batuta::app
