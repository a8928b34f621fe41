#include "client/inspection/inspector_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kReadyWithin{30'000};
constexpr uint32_t kMostAnswerBytes = 64 << 20;

absl::Status Unusable(const std::filesystem::path& program, std::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, reason::kInternal,
                   fmt::format("start {}: {}", Quoted(program.native()), why), "install it again");
}

// A length, the message, and the file with the first byte.
absl::Status Send(int socket, std::string_view message, int file) {
  const auto size = static_cast<uint32_t>(message.size());
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  bytes += message;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  for (size_t sent = 0; sent < bytes.size();) {
    iovec part = {.iov_base = bytes.data() + sent, .iov_len = bytes.size() - sent};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (sent == 0 && file >= 0) {
      header.msg_control = control;
      header.msg_controllen = sizeof control;
      cmsghdr* extra = CMSG_FIRSTHDR(&header);
      extra->cmsg_level = SOL_SOCKET;
      extra->cmsg_type = SCM_RIGHTS;
      extra->cmsg_len = CMSG_LEN(sizeof file);
      std::memcpy(CMSG_DATA(extra), &file, sizeof file);
    }
    const ssize_t count = ::sendmsg(socket, &header, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::AbortedError("it ended");
    sent += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InspectorProcess> InspectorProcess::Start(const std::filesystem::path& program,
                                                         int interrupt_fd) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return ErrnoError(errno, "make a socket");
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  // A Ctrl-C is for us: we end it.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  std::string name = program.native();
  std::array<char*, 2> arguments = {name.data(), nullptr};
  std::array<char*, 1> variables = {nullptr};
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, name.c_str(), &actions, &attributes, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return Unusable(program, std::generic_category().message(error));
  InspectorProcess process(pid, std::move(ours), interrupt_fd);
  const absl::StatusOr<v1::Inspection> ready = process.Receive(kReadyWithin);
  if (absl::IsCancelled(ready.status())) return ready.status();
  if (!ready.ok()) return Unusable(program, MessageOf(ready.status()));
  return process;
}

InspectorProcess::InspectorProcess(InspectorProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      socket_(std::move(other.socket_)),
      interrupt_fd_(other.interrupt_fd_) {}

InspectorProcess::~InspectorProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

absl::StatusOr<v1::Inspection> InspectorProcess::Ask(const v1::InspectionRequest& request, int file,
                                                     milliseconds patience) {
  RETURN_IF_ERROR(Send(socket_.get(), request.SerializeAsString(), file));
  return Receive(patience);
}

absl::StatusOr<v1::Inspection> InspectorProcess::Receive(milliseconds patience) {
  const steady_clock::time_point deadline = steady_clock::now() + patience;
  std::string bytes;
  uint32_t size = 0;
  while (bytes.size() < sizeof size || bytes.size() - sizeof size < size) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return absl::AbortedError("it does not answer");
    pollfd watched[] = {{socket_.get(), POLLIN, 0}, {interrupt_fd_, POLLIN, 0}};
    const int ready = ::poll(watched, 2, static_cast<int>(std::min<int64_t>(left.count(), 60'000)));
    if (ready < 0 && errno != EINTR) return ErrnoError(errno, "wait for an answer");
    if (ready <= 0) continue;
    if (watched[1].revents != 0)
      return MakeError(absl::StatusCode::kCancelled, reason::kCancelled, "interrupted", "");
    char part[64 << 10];
    const ssize_t count = ::recv(socket_.get(), part, sizeof part, MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return absl::AbortedError("it ended");
    bytes.append(part, static_cast<size_t>(count));
    if (bytes.size() >= sizeof size) std::memcpy(&size, bytes.data(), sizeof size);
    if (size > kMostAnswerBytes) return absl::AbortedError("it does not answer as it should");
  }
  v1::Inspection answer;
  if (!answer.ParseFromString(bytes.substr(sizeof size)))
    return absl::AbortedError("it does not answer as it should");
  return answer;
}

}  // namespace batuta::client
