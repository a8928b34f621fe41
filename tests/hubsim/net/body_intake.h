// BodyIntake decides how fast and how far the body of a request is read: the plan's faults of uploads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "tests/hubsim/net/fault_board.h"
#include "tests/hubsim/net/socket.h"

namespace batuta::hubsim {

// Thread safety: one thread uses it.
class BodyIntake {
 public:
  using Progress = std::function<void(std::uint64_t received)>;

  // `announced` is what the head says of the length. `progress` is called about once a MiB.
  BodyIntake(Connection& connection, const FaultPlan& plan, std::optional<std::uint64_t> announced,
             Progress progress);

  // Bytes to read next, at most.
  std::size_t most_at_once() const;

  // So many bytes have arrived in all. Waits where the plan says so; false when it ends the connection here.
  bool Take(std::uint64_t received);

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  Connection& connection_;
  const Progress progress_;
  std::uint64_t told_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t cut_at_ = kNever;
  std::uint64_t stall_at_ = kNever;
  std::chrono::milliseconds stall_for_{0};
  std::uint64_t rate_ = 0;  // bytes per second; 0: any
};

}  // namespace batuta::hubsim
