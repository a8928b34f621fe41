#include "client/connection/daemon_check.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/connection/spawning.h"
#include "common/io/unique_fd.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{45};
constexpr size_t kMostBytes = 1 << 20;

absl::Status Failed(std::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonUnreachable,
                   fmt::format("batutad --check: {}", why), "run it by hand to see more");
}

// All that comes until the other end closes; false when that takes too long.
bool ReadAll(int fd, std::string* text) {
  const auto deadline = SteadyClock::now() + kPatience;
  std::array<char, 4096> bytes{};
  while (text->size() < kMostBytes) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) {
      if (left.count() > 0 && errno == EINTR) continue;
      return false;
    }
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got <= 0) return true;
    text->append(bytes.data(), static_cast<size_t>(got));
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> RunDaemonCheck(const std::filesystem::path& program, bool without_network) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Failed(std::generic_category().message(errno));
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  std::string program_text = program.native();
  std::string check = "--check";
  std::string no_network = "--without-network";
  std::array<char*, 4> arguments = {program_text.data(), check.data(),
                                    without_network ? no_network.data() : nullptr, nullptr};
  std::vector<char*> variables = CleanEnvironment();
  const SpawnSettings settings(theirs.get());
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program_text.c_str(), settings.actions(), settings.attributes(),
                                  arguments.data(), variables.data());
  if (error != 0) return Failed(std::generic_category().message(error));
  theirs.Reset();
  std::string text;
  const bool is_whole = ReadAll(ours.get(), &text);
  if (!is_whole) ::kill(pid, SIGKILL);
  int how = 0;
  while (::waitpid(pid, &how, 0) < 0 && errno == EINTR) {
  }
  if (!is_whole) return Failed(fmt::format("it did not end within {}", FormatDuration(kPatience)));
  while (text.ends_with('\n')) text.pop_back();
  if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) return Failed(Printable(text.substr(0, text.find('\n'))));
  return text.substr(text.rfind('\n') + 1);  // what it logged stands before
}

}  // namespace batuta::client
