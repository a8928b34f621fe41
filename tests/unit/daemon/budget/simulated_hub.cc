#include "tests/unit/daemon/budget/simulated_hub.h"

#include <fmt/format.h>

namespace batuta::budget {

FakeAnswer SimulatedHub::Answer(const transport::HttpRequest& request) {
  FakeAnswer answer;
  answer.delay = options_.latency * static_cast<int>(1 + (served_ + refused_) * 7 % 5);
  answer.body = "body";
  const std::optional<WindowKind> kind = KindOf(options_.endpoint, request.url);
  if (!kind) return answer;
  Window& window = windows_[{request.bearer.Reveal(), *kind}];
  const SteadyTime now = clock_.steady();
  if (now >= window.resets_at) window = {now + options_.window, 0};
  window.used += std::exchange(elsewhere_, 0);
  const auto left = std::chrono::ceil<std::chrono::seconds>(window.resets_at - now);
  if (window.used >= options_.quota) {
    ++refused_;
    answer.status = 429;
    answer.body = "slow down";
    if (options_.sends_retry_after) answer.headers.push_back({"Retry-After", std::to_string(left.count())});
  } else {
    ++served_;
    ++window.used;
  }
  if (options_.sends_headers) {
    const uint64_t remaining = options_.quota - std::min(window.used, options_.quota);
    answer.headers.push_back(
        {"RateLimit", fmt::format("\"{}\";r={};t={}", ToString(*kind), remaining, left.count())});
    answer.headers.push_back(
        {"RateLimit-Policy", fmt::format("\"fixed window\";\"{}\";q={};w={}", ToString(*kind), options_.quota,
                                         options_.window.count())});
  }
  return answer;
}

}  // namespace batuta::budget
