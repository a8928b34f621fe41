#pragma once

#include <chrono>
#include <optional>

namespace batuta {

// Exponential back-off with full jitter.
struct BackoffPolicy {
  std::chrono::milliseconds first{1'000};
  double factor = 2.0;
  std::chrono::milliseconds cap{60'000};
};

// The pause before attempt number `attempt` (1 = first retry). What the server asked for wins: then the
// answer is at least `retry_after`, plus up to a tenth of it (≤ 1 s) so that waiters do not return as a herd.
// Else it is uniform in (0, min(cap, first·factor^(attempt-1))], drawn with `random` in [0, 1), never below
// 10 ms. Pure.
std::chrono::milliseconds NextDelay(const BackoffPolicy& policy, int attempt,
                                    std::optional<std::chrono::milliseconds> retry_after, double random);

}  // namespace batuta
