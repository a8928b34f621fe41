#include "daemon/transfer/movement.h"

#include <algorithm>
#include <chrono>

namespace batuta::transfer {
namespace {

constexpr double kSmoothingSeconds = 1.0;
constexpr std::chrono::seconds kPatience{5};
constexpr uint64_t kFarSlower = 10;

}  // namespace

void Movement::Sample(SteadyTime now, uint64_t received_bytes, bool is_held_back) {
  const double seconds = std::chrono::duration<double>(now - sampled_at_).count();
  const uint64_t fresh = received_bytes - received_bytes_;
  if (fresh > 0 || is_held_back) moved_at_ = now;
  if (is_held_back) free_since_ = now;
  if (seconds <= 0) return;
  const double current = static_cast<double>(fresh) / seconds;
  const double weight = received_bytes_ == 0 ? 1.0 : std::min(1.0, seconds / kSmoothingSeconds);
  rate_ += (current - rate_) * weight;
  received_bytes_ = received_bytes;
  sampled_at_ = now;
}

bool IsLaggard(const Movement& movement, SteadyTime now, uint64_t rest_bytes,
               uint64_t usual_bytes_per_second) {
  if (movement.free_for(now) < kPatience) return false;
  const uint64_t rate = movement.bytes_per_second();
  if (rate >= usual_bytes_per_second / kFarSlower) return false;
  return rest_bytes / std::max<uint64_t>(rate, 1) >= static_cast<uint64_t>(kPatience.count());
}

}  // namespace batuta::transfer
