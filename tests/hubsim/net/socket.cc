#include "tests/hubsim/net/socket.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace batuta::hubsim {
namespace {

constexpr std::chrono::milliseconds kIdleLimit{120'000};  // a keep-alive connection that nobody uses
constexpr std::chrono::milliseconds kNoLimit{-1};
constexpr std::chrono::milliseconds kLinger{500};

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void StopSignal::Raise() {
  raised_.store(true);
  const std::uint64_t one = 1;
  // A full counter is readable too, so a failed write changes nothing.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof(one));
}

WaitEnd Connection::WaitFor(short events, std::chrono::milliseconds limit) {
  std::array<pollfd, 2> set = {pollfd{.fd = socket_.get(), .events = events, .revents = 0},
                               pollfd{.fd = stop_.fd(), .events = POLLIN, .revents = 0}};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    int wait_ms = -1;
    if (limit >= std::chrono::milliseconds(0)) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      wait_ms = left.count() > 0 ? static_cast<int>(left.count()) : 0;
    }
    const int ready = ::poll(set.data(), set.size(), wait_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0 || set[1].revents != 0) return WaitEnd::kStopped;
    return ready == 0 ? WaitEnd::kTimedOut : WaitEnd::kReady;
  }
}

std::size_t Connection::Read(std::span<char> out) {
  while (!stop_.is_raised()) {
    const ssize_t got = ::recv(socket_.get(), out.data(), out.size(), MSG_DONTWAIT);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0 || (errno != EINTR && errno != EAGAIN)) return 0;
    if (errno == EAGAIN && WaitFor(POLLIN, kIdleLimit) != WaitEnd::kReady) return 0;
  }
  return 0;
}

bool Connection::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return false;
    if (WaitFor(POLLOUT, kNoLimit) != WaitEnd::kReady) return false;
  }
  return !stop_.is_raised();
}

bool Connection::Pause(std::chrono::milliseconds duration) {
  const std::chrono::milliseconds limit = duration.count() == 0 ? kNoLimit : duration;
  return WaitFor(POLLRDHUP, limit) == WaitEnd::kTimedOut;
}

void Connection::LimitWindow(int bytes) {
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

void Connection::ResetOnClose() {
  const linger hard = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

void Connection::CloseGently() {
  ::shutdown(socket_.get(), SHUT_WR);
  std::array<char, 4096> rest{};
  const auto deadline = std::chrono::steady_clock::now() + kLinger;
  while (std::chrono::steady_clock::now() < deadline && WaitFor(POLLIN, kLinger) == WaitEnd::kReady) {
    if (::recv(socket_.get(), rest.data(), rest.size(), 0) <= 0) return;
  }
}

absl::StatusOr<ListeningSocket> ListenOnLoopback(std::uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The sockets interface takes every address family through this one pointer type.
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!socket.is_open() || ::bind(socket.get(), generic, sizeof(address)) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return absl::UnavailableError("listen on 127.0.0.1:" + std::to_string(port) + ": " +
                                  std::strerror(errno));
  }
  socklen_t size = sizeof(address);
  ::getsockname(socket.get(), generic, &size);
  return ListeningSocket{.socket = std::move(socket), .port = ntohs(address.sin_port)};
}

AcceptedSocket Accept(const ListeningSocket& listening, const StopSignal& stop) {
  std::array<pollfd, 2> set = {pollfd{.fd = listening.socket.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = stop.fd(), .events = POLLIN, .revents = 0}};
  while (!stop.is_raised()) {
    if (::poll(set.data(), set.size(), -1) < 0 && errno != EINTR) break;
    if (set[1].revents != 0) break;
    if (set[0].revents == 0) continue;
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    Descriptor socket(
        ::accept4(listening.socket.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC));
    if (!socket.is_open()) continue;
    const int one = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return {.socket = std::move(socket), .peer = text.data()};
  }
  return {};
}

}  // namespace batuta::hubsim
