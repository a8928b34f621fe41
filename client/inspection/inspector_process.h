#pragma once

#include <chrono>
#include <filesystem>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <sys/types.h>

#include "batuta/v1/inspection.pb.h"

#include "common/io/unique_fd.h"

namespace batuta::client {

// InspectorProcess is a batuta-inspect that this client started and shares a socket with. It has none of our
// descriptors but the files that it is given, and ends with us. Used by one thread; blocking.
class InspectorProcess {
 public:
  // Starts `program` and waits until it is ready. `interrupt_fd`, borrowed, ends every wait when it becomes
  // readable.
  //   kUnavailable (INTERNAL)  it could not be started, or does not answer.
  static absl::StatusOr<InspectorProcess> Start(const std::filesystem::path& program, int interrupt_fd);

  ~InspectorProcess();
  InspectorProcess(InspectorProcess&& other) noexcept;
  InspectorProcess& operator=(InspectorProcess&&) = delete;

  // Sends a request with an open file (-1: none, it is missing) and waits for what comes back: an answer, or
  // what is wanted first.
  //   kAborted           it ended, or did not answer for that long: it is of no more use.
  //   kCancelled         interrupted: the same.
  absl::StatusOr<v1::Inspection> Ask(const v1::InspectionRequest& request, int file,
                                     std::chrono::milliseconds patience);

 private:
  InspectorProcess(pid_t pid, UniqueFd socket, int interrupt_fd)
      : pid_(pid), socket_(std::move(socket)), interrupt_fd_(interrupt_fd) {}

  absl::StatusOr<v1::Inspection> Receive(std::chrono::milliseconds patience);

  pid_t pid_;
  UniqueFd socket_;
  int interrupt_fd_;
};

}  // namespace batuta::client
