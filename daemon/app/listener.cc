#include "daemon/app/listener.h"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log/log.h"
#include "common/rpc/socket_address.h"
#include "common/status/status.h"

namespace batuta::app {

namespace {

constexpr int kBacklog = 128;
// Between two tries when the kernel has no descriptor or no memory for a connection.
constexpr int kPauseMs = 100;

absl::Status Busy(const std::filesystem::path& path, std::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kDaemonBusy,
                   fmt::format("{} at {}", what, path.string()), "choose another --socket");
}

UniqueFd NewSocket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Clears the way for bind(): removes a socket on which nobody listens.
absl::Status RemoveDeadSocket(const SocketAddress& address) {
  struct stat info {};

  if (lstat(address.path().c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoError(errno, fmt::format("look at {}", address.path()));
  }
  if (!S_ISSOCK(info.st_mode)) return Busy(address.path(), "a file that is no socket lies");
  const UniqueFd probe = NewSocket();
  if (!probe) return ErrnoError(errno, "socket");
  const sockaddr_un native = address.native();
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&native), sizeof(native)) == 0) {
    return Busy(address.path(), "another program answers");
  }
  // Refused: nobody listens. Anything else (its queue is full, or we may not ask) does not say so.
  if (errno != ECONNREFUSED && errno != ENOENT) {
    return Busy(address.path(),
                fmt::format("another program may be listening ({})", std::generic_category().message(errno)));
  }
  if (unlink(address.path().c_str()) != 0 && errno != ENOENT) {
    return ErrnoError(errno, fmt::format("remove the dead socket {}", address.path()));
  }
  return absl::OkStatus();
}

absl::Status MakeSocketFolder(const std::filesystem::path& folder, Mode mode) {
  std::error_code error;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  const mode_t access = mode == Mode::kSystem ? 0755 : 0700;
  if (mkdir(folder.c_str(), access) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoError(errno, fmt::format("make socket folder {}", folder.string()));
}

}  // namespace

Listener::Listener(std::filesystem::path path, std::optional<FileId> file, UniqueFd socket, UniqueFd wake,
                   uint32_t max_connections)
    : path_(std::move(path)),
      file_(file),
      max_connections_(max_connections),
      socket_(std::move(socket)),
      wake_(std::move(wake)) {}

Listener::~Listener() {
  Stop();
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(const std::filesystem::path& socket, Mode mode,
                                                         uint32_t max_connections) {
  ASSIGN_OR_RETURN(const SocketAddress address, SocketAddress::Parse(socket.string()));
  RETURN_IF_ERROR(MakeSocketFolder(socket.parent_path(), mode));
  RETURN_IF_ERROR(RemoveDeadSocket(address));
  UniqueFd listening = NewSocket();
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!listening || !wake) return ErrnoError(errno, "socket");
  const sockaddr_un native = address.native();
  // The file takes its mode from the unbound socket, so it is right from the first moment: nobody slips in
  // between bind and chmod. (umask would hold for all threads.)
  if (fchmod(listening.get(), S_IRUSR | S_IWUSR) != 0) return ErrnoError(errno, "fchmod of a socket");
  if (bind(listening.get(), reinterpret_cast<const sockaddr*>(&native), sizeof(native)) != 0) {
    return ErrnoError(errno, fmt::format("bind {}", socket.string()));
  }
  // The umask has taken the group's right to write, without which it cannot connect.
  if (mode == Mode::kSystem && chmod(socket.c_str(), 0660) != 0) {
    return ErrnoError(errno, fmt::format("let the group use {}", socket.string()));
  }

  struct stat info {};

  if (lstat(socket.c_str(), &info) != 0 || listen(listening.get(), kBacklog) != 0) {
    return ErrnoError(errno, fmt::format("listen on {}", socket.string()));
  }
  const FileId file{info.st_dev, info.st_ino};
  return std::unique_ptr<Listener>(
      new Listener(socket, file, std::move(listening), std::move(wake), max_connections));
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Adopt(UniqueFd socket, uint32_t max_connections) {
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return ErrnoError(errno, "eventfd");
  return std::unique_ptr<Listener>(
      new Listener({}, std::nullopt, std::move(socket), std::move(wake), max_connections));
}

void Listener::Start(PeerPolicy policy, Admit admit) {
  thread_ = std::thread([this, policy, admit = std::move(admit)] {
    pthread_setname_np(pthread_self(), "accept");
    Run(policy, admit);
  });
}

void Listener::Stop() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    while (write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  if (socket_) RemoveSocketFile();
  socket_.Reset();
  open_.clear();
  open_connections_ = 0;
}

void Listener::RemoveSocketFile() {
  struct stat info {};

  if (!file_ || lstat(path_.c_str(), &info) != 0) return;
  if (info.st_dev == file_->device && info.st_ino == file_->inode) unlink(path_.c_str());
}

// A little while, or until Stop().
void Listener::Pause() {
  pollfd wake{wake_.get(), POLLIN, 0};
  poll(&wake, 1, kPauseMs);
}

void Listener::Run(const PeerPolicy& policy, const Admit& admit) {
  std::vector<pollfd> polled;
  while (true) {
    polled.assign({{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}});
    for (const UniqueFd& connection : open_) polled.push_back({connection.get(), POLLRDHUP, 0});
    if (poll(polled.data(), polled.size(), -1) < 0) {
      if (errno != EINTR) Pause();
      continue;
    }
    if (polled[1].revents != 0) return;
    DropClosed(polled);
    if (polled[0].revents != 0) AcceptOne(policy, admit);
  }
}

void Listener::DropClosed(const std::vector<pollfd>& polled) {
  size_t kept = 0;
  for (size_t index = 0; index < open_.size(); ++index) {
    if (polled[index + 2].revents == 0) open_[kept++] = std::move(open_[index]);
  }
  open_.resize(kept);
  open_connections_.store(static_cast<uint32_t>(kept), std::memory_order_relaxed);
}

void Listener::AcceptOne(const PeerPolicy& policy, const Admit& admit) {
  UniqueFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) {
    // Gone again: nothing to do. No descriptor or no memory left: the connection stays in the queue, so wait
    // a little instead of spinning.
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) Pause();
    return;
  }
  const absl::StatusOr<PeerCredentials> peer = PeerOf(connection.get());
  if (!peer.ok() || !policy.Admits(peer->uid)) {
    LogWarn("connection refused", Field("uid", peer.ok() ? static_cast<int64_t>(peer->uid) : int64_t{-1}));
    return;
  }
  if (open_.size() >= max_connections_) {
    LogWarn("connection refused: too many", Field("limit", max_connections_), Field("uid", peer->uid));
    return;
  }
  UniqueFd second(fcntl(connection.get(), F_DUPFD_CLOEXEC, 0));
  if (!second) {
    LogWarn("connection refused: no file descriptor left", Field("uid", peer->uid));
    return;
  }
  open_.push_back(std::move(second));
  open_connections_.store(static_cast<uint32_t>(open_.size()), std::memory_order_relaxed);
  admit(std::move(connection), peer->uid);
}

}  // namespace batuta::app
