#include "common/time/backoff.h"

#include <algorithm>
#include <cmath>

namespace batuta {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortest{10};
constexpr milliseconds kMostExtra{1'000};

milliseconds Scale(milliseconds span, double share) {
  return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(span.count()) * share));
}

}  // namespace

milliseconds NextDelay(const BackoffPolicy& policy, int attempt, std::optional<milliseconds> retry_after,
                       double random) {
  random = std::clamp(random, 0.0, 1.0);
  if (retry_after.has_value()) {
    const milliseconds asked = std::clamp(*retry_after, kShortest, milliseconds::max() - kMostExtra);
    return asked + Scale(std::min(asked / 10, kMostExtra), random);
  }
  const double growth = std::pow(std::max(policy.factor, 1.0), std::max(attempt, 1) - 1);
  const double ceiling =
      std::min(static_cast<double>(policy.cap.count()), static_cast<double>(policy.first.count()) * growth);
  // `random` may be 0 but not 1, so the mirror image of it gives the half-open range that excludes 0.
  const auto delay = static_cast<milliseconds::rep>(std::max(ceiling, 0.0) * (1.0 - random));
  return std::max(milliseconds(delay), kShortest);
}

}  // namespace batuta
