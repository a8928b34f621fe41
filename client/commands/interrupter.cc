#include "client/commands/interrupter.h"

#include <cerrno>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace batuta::client {

Interrupter::Interrupter(SignalWatch& signals, CallStop& stop)
    : over_(::eventfd(0, EFD_CLOEXEC)), thread_([this, &signals, &stop] { Watch(signals, stop); }) {}

Interrupter::~Interrupter() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(over_.get(), &one, sizeof one);
  thread_.join();
}

void Interrupter::Watch(SignalWatch& signals, CallStop& stop) {
  pollfd watched[] = {{signals.fd(), POLLIN, 0}, {over_.get(), POLLIN, 0}};
  while (::poll(watched, 2, -1) >= 0 || errno == EINTR) {
    if (watched[1].revents != 0) return;
    if (!signals.Next()) continue;
    was_interrupted_ = true;
    stop.Stop();
    return;
  }
}

}  // namespace batuta::client
