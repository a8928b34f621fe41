#include "daemon/app/listener.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log/log.h"
#include "common/rpc/socket_address.h"
#include "common/status/status.h"

namespace batuta::app {

namespace {

// Those that knock at the same time; the kernel has a limit of its own (net.core.somaxconn).
constexpr int kBacklog = 4'096;
// Between two tries when the kernel has no descriptor or no memory for a connection.
constexpr int kPauseMs = 100;
constexpr std::chrono::minutes kTellEvery{1};
constexpr size_t kMostTold = 1'000;
// Numbers of epoll that no peer has.
constexpr uint64_t kSocketNumber = UINT64_MAX;
constexpr uint64_t kWakeNumber = UINT64_MAX - 1;

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

absl::Status Listen(const UniqueFd& events, const UniqueFd& descriptor, uint32_t what, uint64_t number,
                    int how = EPOLL_CTL_ADD) {
  epoll_event event{.events = what, .data = {.u64 = number}};
  if (epoll_ctl(events.get(), how, descriptor.get(), &event) == 0) return absl::OkStatus();
  return ErrnoError(errno, "epoll_ctl");
}

}  // namespace

ConnectionLimits ConnectionLimits::For(uint64_t descriptors) {
  ConnectionLimits limits;
  const uint64_t fitting = std::max<uint64_t>(descriptors / 4, 2 * uint64_t{limits.reserve});
  limits.connections = static_cast<uint32_t>(std::min<uint64_t>(limits.connections, fitting));
  return limits;
}

ConnectionLimits ConnectionLimits::OfThisProcess() {
  rlimit files{};
  return getrlimit(RLIMIT_NOFILE, &files) == 0 ? For(files.rlim_cur) : ConnectionLimits();
}

bool HasRoom(const ConnectionLimits& limits, uint32_t open, uint32_t own, bool is_master) {
  const uint32_t all = limits.connections - (is_master ? 0 : std::min(limits.reserve, limits.connections));
  return open < all && own < all - open;
}

Greeting GreetingOf(std::string_view first_bytes) {
  if (first_bytes.starts_with(kHttp2Greeting)) return Greeting::kHttp2;
  return kHttp2Greeting.starts_with(first_bytes) ? Greeting::kUnfinished : Greeting::kNonsense;
}

Listener::Listener(std::filesystem::path path, std::optional<FileId> file, UniqueFd socket, UniqueFd wake,
                   UniqueFd events, const ConnectionLimits& limits)
    : path_(std::move(path)),
      file_(file),
      limits_(limits),
      socket_(std::move(socket)),
      wake_(std::move(wake)),
      events_(std::move(events)) {}

Listener::~Listener() {
  Stop();
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(const std::filesystem::path& socket, Mode mode,
                                                         const ConnectionLimits& limits) {
  ASSIGN_OR_RETURN(const SocketAddress address, SocketAddress::Parse(socket.string()));
  RETURN_IF_ERROR(MakeSocketFolder(socket.parent_path(), mode));
  RETURN_IF_ERROR(RemoveDeadSocket(address));
  UniqueFd listening = NewSocket();
  if (!listening) return ErrnoError(errno, "socket");
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
  return Make(socket, FileId{info.st_dev, info.st_ino}, std::move(listening), limits);
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Adopt(UniqueFd socket, const ConnectionLimits& limits) {
  return Make({}, std::nullopt, std::move(socket), limits);
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Make(std::filesystem::path path,
                                                         std::optional<FileId> file, UniqueFd socket,
                                                         const ConnectionLimits& limits) {
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd events(epoll_create1(EPOLL_CLOEXEC));
  if (!wake || !events) return ErrnoError(errno, "eventfd");
  RETURN_IF_ERROR(Listen(events, socket, EPOLLIN, kSocketNumber));
  RETURN_IF_ERROR(Listen(events, wake, EPOLLIN, kWakeNumber));
  return std::unique_ptr<Listener>(
      new Listener(std::move(path), file, std::move(socket), std::move(wake), std::move(events), limits));
}

void Listener::Start(PeerPolicy policy, Admit admit) {
  policy_ = policy;
  admit_ = std::move(admit);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "accept");
    Run();
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
  open_connections_ = 0;
  peers_.clear();
  of_user_.clear();
  silences_.clear();
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

void Listener::Run() {
  constexpr size_t kAtATime = 64;
  std::array<epoll_event, kAtATime> happened{};
  while (true) {
    const int count = epoll_wait(events_.get(), happened.data(), kAtATime, UntilNextSilence());
    if (count < 0 && errno != EINTR) Pause();
    bool is_asked = false;
    for (size_t index = 0; count > 0 && index < static_cast<size_t>(count); ++index) {
      const epoll_event& event = happened.at(index);
      if (event.data.u64 == kWakeNumber) return;
      if (event.data.u64 == kSocketNumber) {
        is_asked = true;
      } else {
        Hear(event.data.u64, event.events);
      }
    }
    DropSilent();
    if (is_asked) AcceptOne();  // after those that have made room
  }
}

// How long epoll may wait, in milliseconds.
int Listener::UntilNextSilence() const {
  if (silences_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(silences_.front().end - clock_.steady());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

void Listener::DropSilent() {
  for (; !silences_.empty(); silences_.pop_front()) {
    const auto peer = peers_.find(silences_.front().peer);
    if (peer == peers_.end() || peer->second.is_greeted) continue;
    if (silences_.front().end > clock_.steady()) return;
    Refuse("said nothing", peer->second.uid);
    Drop(peer->first);
  }
}

// Counted before it is closed: whoever sees the end of a connection finds it gone.
void Listener::Drop(uint64_t number) {
  const auto dropped = peers_.extract(number);
  const auto own = of_user_.find(dropped.mapped().uid);
  if (--own->second == 0) of_user_.erase(own);
  open_connections_.store(static_cast<uint32_t>(peers_.size()), std::memory_order_relaxed);
}

// Once a minute for each user: who floods the socket does not flood the log.
void Listener::Refuse(std::string_view why, uint32_t uid) {
  const SteadyTime now = clock_.steady();
  if (told_.size() >= kMostTold)
    std::erase_if(told_, [&](const auto& row) { return now - row.second >= kTellEvery; });
  if (const auto told = told_.find(uid); told != told_.end() && now - told->second < kTellEvery) return;
  if (told_.size() < kMostTold) told_[uid] = now;
  LogWarn("connection refused", Field("why", why), Field("uid", uid), Field("open", peers_.size()));
}

void Listener::AcceptOne() {
  UniqueFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) {
    // Gone again: nothing to do. No descriptor or no memory left: the connection stays in the queue, so wait
    // a little instead of spinning.
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) Pause();
    return;
  }
  const absl::StatusOr<PeerCredentials> credentials = PeerOf(connection.get());
  if (!credentials.ok()) return;
  const uint32_t uid = credentials->uid;
  if (!policy_.Admits(uid)) return Refuse("a stranger", uid);
  const auto own = of_user_.find(uid);
  if (!HasRoom(limits_, static_cast<uint32_t>(peers_.size()), own == of_user_.end() ? 0 : own->second,
               policy_.IsMaster(uid))) {
    return Refuse("too many", uid);
  }
  const uint64_t number = next_number_++;
  // By edges: what has come is looked at once, and again when more has.
  if (!Listen(events_, connection, EPOLLIN | EPOLLRDHUP | EPOLLET, number).ok()) return;
  peers_.emplace(number, Peer{std::move(connection), uid});
  ++of_user_[uid];
  silences_.push_back({number, clock_.steady() + limits_.greeting});
  open_connections_.store(static_cast<uint32_t>(peers_.size()), std::memory_order_relaxed);
}

void Listener::Hear(uint64_t number, uint32_t events) {
  const auto peer = peers_.find(number);
  if (peer == peers_.end()) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) return Drop(number);
  if (peer->second.is_greeted) return;
  if (const absl::Status greeted = Greet(number); !greeted.ok()) {
    Refuse(MessageOf(greeted), peer->second.uid);
    Drop(number);
  }
}

// What the peer has said so far is left for who serves it.
absl::Status Listener::Greet(uint64_t number) {
  Peer& peer = peers_.at(number);
  std::array<char, kHttp2Greeting.size()> bytes{};
  const ssize_t count = recv(peer.socket.get(), bytes.data(), bytes.size(), MSG_PEEK);
  if (count < 0) return absl::OkStatus();  // nothing yet
  const Greeting greeting = GreetingOf({bytes.data(), static_cast<size_t>(count)});
  if (greeting == Greeting::kUnfinished) return absl::OkStatus();
  if (greeting == Greeting::kNonsense) return absl::InvalidArgumentError("speaks no HTTP/2");
  UniqueFd served(fcntl(peer.socket.get(), F_DUPFD_CLOEXEC, 0));
  if (!served) return absl::ResourceExhaustedError("no file descriptor left");
  RETURN_IF_ERROR(Listen(events_, peer.socket, EPOLLRDHUP, number, EPOLL_CTL_MOD));
  peer.is_greeted = true;
  admit_(std::move(served), peer.uid);
  return absl::OkStatus();
}

}  // namespace batuta::app
