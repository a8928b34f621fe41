#include "tests/hubsim/net/body_intake.h"

#include <algorithm>
#include <utility>

namespace batuta::hubsim {
namespace {

constexpr std::size_t kPiece = 256U * 1024U;
constexpr std::uint64_t kToldEvery = 1U << 20U;
constexpr std::uint64_t kSlowStepsPerSecond = 20;
// What the kernel takes in by itself while nothing is read; without a bound it would be megabytes.
constexpr int kSmallWindow = 32 * 1024;

}  // namespace

BodyIntake::BodyIntake(Connection& connection, const FaultPlan& plan, std::optional<std::uint64_t> announced,
                       Progress progress)
    : connection_(connection), progress_(std::move(progress)) {
  const auto has_such_a_byte = [announced](const FaultRule& rule) {
    return !announced || rule.at_bytes < *announced;
  };
  for (const FaultRule& rule : plan.ClaimAll(FaultKind::kCutUpload, has_such_a_byte)) {
    cut_at_ = std::min(cut_at_, rule.at_bytes);
  }
  for (const FaultRule& rule : plan.ClaimAll(FaultKind::kStallUpload, has_such_a_byte)) {
    stall_at_ = rule.at_bytes;
    stall_for_ = rule.duration;
  }
  for (const FaultRule& rule : plan.ClaimAll(FaultKind::kSlowUpload, has_such_a_byte)) {
    rate_ = std::max<std::uint64_t>(rule.bytes_per_second, 1);
  }
  if (cut_at_ != kNever || stall_at_ != kNever || rate_ != 0) connection_.LimitWindow(kSmallWindow);
}

std::size_t BodyIntake::most_at_once() const {
  std::uint64_t most = kPiece;
  if (rate_ != 0) most = std::clamp<std::uint64_t>(rate_ / kSlowStepsPerSecond, 1, kPiece);
  for (const std::uint64_t limit : {cut_at_, stall_at_}) {
    if (limit > taken_) most = std::min(most, limit - taken_);
  }
  return static_cast<std::size_t>(most);
}

bool BodyIntake::Take(std::uint64_t received) {
  const std::uint64_t fresh = received - taken_;
  taken_ = received;
  const bool ends_here = taken_ >= cut_at_;
  if (ends_here || taken_ >= stall_at_ || taken_ - told_ >= kToldEvery) {
    told_ = taken_;
    progress_(taken_);
  }
  if (taken_ >= stall_at_) {
    stall_at_ = kNever;
    if (!connection_.Pause(stall_for_)) return false;
  }
  if (ends_here) return false;
  if (rate_ == 0 || fresh == 0) return true;
  return connection_.Pause(std::chrono::milliseconds(std::max<std::uint64_t>(fresh * 1000 / rate_, 1)));
}

}  // namespace batuta::hubsim
