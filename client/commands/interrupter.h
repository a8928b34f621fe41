#pragma once

#include <atomic>
#include <thread>

#include "client/connection/daemon_client.h"
#include "client/connection/signal_watch.h"
#include "common/io/unique_fd.h"

namespace batuta::client {

// Ends a call at the first signal. The signals are watched on a thread of its own, as long as it lives. Both
// are borrowed.
class Interrupter {
 public:
  Interrupter(SignalWatch& signals, CallStop& stop);
  ~Interrupter();
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;

  bool was_interrupted() const { return was_interrupted_; }

 private:
  void Watch(SignalWatch& signals, CallStop& stop);

  const UniqueFd over_;
  std::atomic<bool> was_interrupted_ = false;
  std::thread thread_;
};

}  // namespace batuta::client
