#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "common/io/unique_fd.h"
#include "common/sync/mutex.h"
#include "common/sync/sequence.h"

namespace batuta::app {

// ServiceManager is who started the daemon, as far as it follows sd_notify(3) and sd_listen_fds(3): systemd,
// or whatever plays it. Where nobody listens every message is dropped. Thread-safe after construction; a
// message is a datagram and waits only while the manager's queue is full.
class ServiceManager {
 public:
  // A listening socket, non-blocking, and where it lies; empty when nothing was handed over.
  struct HandedOver {
    UniqueFd socket = {};
    std::filesystem::path path = {};
  };

  // Reads what the environment says to this process, and takes from it what no other process should believe.
  // Before threads start.
  ServiceManager();

  // The socket to serve; the caller's from now on.
  //   kInvalidArgument (CONFIG_INVALID)  more than one descriptor, or no listening Unix stream socket with a
  //   path.
  absl::StatusOr<HandedOver> TakeSocket();

  // Somebody listens.
  bool is_there() const { return is_there_; }

  // Without Alive() for so long the manager ends the daemon; 0 = it does not look.
  std::chrono::microseconds watchdog() const { return watchdog_; }

  // `phase` begins, and may take so long although the start is given less in all.
  void Starting(std::string_view phase, std::chrono::seconds at_most);

  // Serving, for the first time or again after Reloading().
  void Ready();
  void Reloading();
  void Stopping();

  // What is going on, for people: a line, sent when it is another one than before.
  void Tell(const std::string& status);

  void Alive();

 private:
  int descriptors_ = 0;  // negative: LISTEN_FDS does not hold what it says
  bool is_there_ = false;
  std::chrono::microseconds watchdog_{0};
  Mutex mutex_;
  std::string told_ ABSL_GUARDED_BY(mutex_);
};

// From now on says Alive() from `core`, twice in the watchdog's time, so that a core which hangs is noticed,
// and tells once a second what `doing` says, called on `core`. Nothing where nobody listens. `manager`
// outlives `core`.
void KeepInTouch(ServiceManager& manager, Sequence& core, std::function<std::string()> doing);

}  // namespace batuta::app
