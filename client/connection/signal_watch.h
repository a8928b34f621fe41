#pragma once

#include <csignal>
#include <optional>

#include "absl/status/statusor.h"

#include "common/io/unique_fd.h"

namespace batuta::client {

// SignalWatch takes SIGINT, SIGTERM and SIGHUP out of their usual way while it lives, so that they can be
// polled for. Make it before any thread starts: threads inherit what is blocked. A signal that the caller
// ignores (nohup) stays ignored.
class SignalWatch {
 public:
  static absl::StatusOr<SignalWatch> Create();
  ~SignalWatch();
  SignalWatch(SignalWatch&& other) noexcept = default;
  SignalWatch& operator=(SignalWatch&& other) = delete;

  // The next signal that has arrived, if any. Never blocks.
  std::optional<int> Next();

  // For poll(2). Borrowed.
  int fd() const { return fd_.get(); }

 private:
  SignalWatch(UniqueFd fd, sigset_t before) : fd_(std::move(fd)), before_(before) {}

  UniqueFd fd_;
  sigset_t before_;
};

}  // namespace batuta::client
