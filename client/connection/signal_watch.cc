#include "client/connection/signal_watch.h"

#include <cerrno>
#include <utility>

#include <sys/signalfd.h>
#include <unistd.h>

#include "common/status/status.h"

namespace batuta::client {

absl::StatusOr<SignalWatch> SignalWatch::Create() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return ErrnoError(errno, "signalfd");
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  return SignalWatch(std::move(fd), before);
}

SignalWatch::~SignalWatch() {
  if (fd_) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalWatch::Next() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace batuta::client
