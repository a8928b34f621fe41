#include "client/connection/daemon_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/connection/program_search.h"
#include "client/connection/spawning.h"
#include "common/io/unique_fd.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLogLimitBytes = 8 << 20;  // a longer log is put aside at the next start
constexpr std::string_view kHintIndent = "  ";

struct Log {
  UniqueFd fd;
  fs::path path;
  uint64_t size_bytes = 0;
};

absl::StatusOr<Log> OpenLog(const Environment& environment) {
  ASSIGN_OR_RETURN(const fs::path folder, StateDir(environment));
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (error) {
    return ErrnoError(error.value(), fmt::format("make folder {}", Quoted(folder.parent_path().native())));
  }
  // As the daemon itself would: what it keeps there is its user's alone.
  if (::mkdir(folder.c_str(), 0700) < 0 && errno != EEXIST) {
    return ErrnoError(errno, fmt::format("make folder {}", Quoted(folder.native())));
  }
  Log log;
  log.path = folder / "batutad.log";
  if (const auto size = fs::file_size(log.path, error); !error && size > kLogLimitBytes) {
    fs::rename(log.path, folder / "batutad.log.old", error);
  }
  log.fd = UniqueFd(::open(log.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));

  struct stat info {};

  if (!log.fd || ::fstat(log.fd.get(), &info) != 0) {
    return ErrnoError(errno, fmt::format("open {}", Quoted(log.path.native())));
  }
  log.size_bytes = static_cast<uint64_t>(info.st_size);
  return log;
}

}  // namespace

absl::StatusOr<fs::path> FindDaemonProgram(const Environment& environment, const fs::path& this_program) {
  if (std::optional<fs::path> found = FindProgram(environment, this_program, "batutad"))
    return *std::move(found);
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonUnreachable,
                   "the program batutad is neither beside batuta nor in PATH",
                   "install it, or add its folder to PATH");
}

absl::StatusOr<DaemonProcess> DaemonProcess::Start(const Environment& environment, const fs::path& program,
                                                   const SocketAddress& socket) {
  ASSIGN_OR_RETURN(Log log, OpenLog(environment));
  std::string program_text = program.native();
  std::string flag = "--socket";
  std::string path = socket.path();
  std::string foreground = "--foreground";
  std::array<char*, 5> arguments = {program_text.data(), foreground.data(), flag.data(), path.data(),
                                    nullptr};
  std::vector<char*> variables = CleanEnvironment();
  const SpawnSettings settings(log.fd.get());
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program_text.c_str(), settings.actions(), settings.attributes(),
                                  arguments.data(), variables.data());
  if (error != 0) {
    return MakeError(
        absl::StatusCode::kUnavailable, reason::kDaemonUnreachable,
        fmt::format("start {}: {}", Quoted(program_text), std::generic_category().message(error)),
        "start it by hand to see more: batutad --foreground");
  }
  return DaemonProcess(pid, std::move(log.path), log.size_bytes);
}

std::optional<DaemonProcess::Ending> DaemonProcess::Ended() {
  int how = 0;
  if (ended_ || ::waitpid(pid_, &how, WNOHANG) != pid_) return ended_;
  if (WIFSIGNALED(how)) {
    ended_ = Ending{fmt::format("was killed by signal {}", WTERMSIG(how)), -1};
  } else {
    ended_ = Ending{fmt::format("exited with code {}", WEXITSTATUS(how)), WEXITSTATUS(how)};
  }
  return ended_;
}

DaemonProcess::LastWords DaemonProcess::Last() const {
  constexpr uint64_t kTail = 4096;
  const UniqueFd fd(::open(log_path_.c_str(), O_RDONLY | O_CLOEXEC));

  struct stat info {};

  if (!fd || ::fstat(fd.get(), &info) != 0) return {};
  const uint64_t end = static_cast<uint64_t>(info.st_size);
  const uint64_t begin = std::max(log_begin_, end > kTail ? end - kTail : 0);
  if (begin >= end) return {};
  std::string text(end - begin, '\0');
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), static_cast<off_t>(begin));
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  text.erase(text.find_last_not_of(" \n") + 1);
  const auto take_line = [&text] {
    const size_t at = text.rfind('\n') + 1;  // 0 when there is one line only
    std::string line = text.substr(at);
    text.resize(at == 0 ? 0 : at - 1);
    return line;
  };
  LastWords words{take_line(), {}};
  if (words.line.starts_with(kHintIndent)) {
    words.hint = Printable(std::string_view(words.line).substr(kHintIndent.size()));
    words.line = take_line();
  }
  words.line = Printable(words.line);
  return words;
}

}  // namespace batuta::client
