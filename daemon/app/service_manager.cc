#include "daemon/app/service_manager.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::app {

namespace {

constexpr std::chrono::seconds kTellEvery{1};

absl::Status NotUsable(std::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                   fmt::format("the service manager handed over {}", what),
                   "the socket unit needs exactly one ListenStream= with an absolute path");
}

// The manager may be older than the message or gone: the daemon runs on without it.
void Send(const std::string& message) {
  if (const int sent = sd_notify(/*unset_environment=*/0, message.c_str()); sent < 0) {
    LogDebug("service manager not told", Field("errno", -sent));
  }
}

// CLOCK_MONOTONIC, whatever clock steady_clock is.
int64_t MonotonicMicros() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

void Ping(ServiceManager& manager, Sequence& core) {
  manager.Alive();
  core.PostAfter(manager.watchdog() / 2, [&manager, &core] { Ping(manager, core); });
}

void TellOn(ServiceManager& manager, Sequence& core, std::function<std::string()> doing) {
  manager.Tell(doing());
  core.PostAfter(kTellEvery, [&manager, &core, doing = std::move(doing)]() mutable {
    TellOn(manager, core, std::move(doing));
  });
}

}  // namespace

ServiceManager::ServiceManager() : descriptors_(sd_listen_fds(/*unset_environment=*/1)) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before threads start
  is_there_ = std::getenv("NOTIFY_SOCKET") != nullptr;
  uint64_t micros = 0;
  // Also unset when the pings are meant for another process.
  if (sd_watchdog_enabled(/*unset_environment=*/1, &micros) > 0 && is_there_) {
    watchdog_ = std::chrono::microseconds(micros);
  }
}

absl::StatusOr<ServiceManager::HandedOver> ServiceManager::TakeSocket() {
  const int count = std::exchange(descriptors_, 0);
  if (count == 0) return HandedOver();
  if (count < 0) return NotUsable("descriptors that are not open");
  UniqueFd socket(SD_LISTEN_FDS_START);
  if (count > 1) return NotUsable(fmt::format("{} descriptors", count));
  if (sd_is_socket_unix(socket.get(), SOCK_STREAM, /*listening=*/1, nullptr, 0) <= 0) {
    return NotUsable("a descriptor that is no listening Unix stream socket");
  }
  sockaddr_un name{};
  socklen_t size = sizeof(name);
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return ErrnoError(errno, "name of the service manager's socket");
  }
  // No NUL at its end when it fills the field; one at its beginning when it lies in no file system.
  const std::string path(name.sun_path, strnlen(name.sun_path, sizeof(name.sun_path)));
  if (!path.starts_with('/')) return NotUsable("a socket without an absolute path");
  const int flags = fcntl(socket.get(), F_GETFL);
  if (flags < 0 || fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return ErrnoError(errno, "make the service manager's socket non-blocking");
  }
  return HandedOver{std::move(socket), path};
}

void ServiceManager::Starting(std::string_view phase, std::chrono::seconds at_most) {
  if (!is_there_) return;
  Send(fmt::format("STATUS=starting: {}\nEXTEND_TIMEOUT_USEC={}", phase,
                   std::chrono::microseconds(at_most).count()));
}

void ServiceManager::Ready() {
  if (is_there_) Send("READY=1");
}

void ServiceManager::Reloading() {
  if (is_there_) Send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", MonotonicMicros()));
}

void ServiceManager::Stopping() {
  if (is_there_) Send("STOPPING=1\nSTATUS=stopping: the jobs go on at the next start");
}

void ServiceManager::Tell(const std::string& status) {
  if (!is_there_) return;
  {
    const MutexLock lock(mutex_);
    if (told_ == status) return;
    told_ = status;
  }
  Send("STATUS=" + status);
}

void ServiceManager::Alive() {
  if (is_there_) Send("WATCHDOG=1");
}

void KeepInTouch(ServiceManager& manager, Sequence& core, std::function<std::string()> doing) {
  if (!manager.is_there()) return;
  if (manager.watchdog().count() > 0) core.Post([&manager, &core] { Ping(manager, core); });
  core.Post(
      [&manager, &core, doing = std::move(doing)]() mutable { TellOn(manager, core, std::move(doing)); });
}

}  // namespace batuta::app
