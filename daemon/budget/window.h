#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/time/clock.h"
#include "daemon/transport/http_transport.h"

namespace batuta::budget {

// What the hub counts separately.
enum class WindowKind { kApi, kResolvers, kPages };
inline constexpr std::array kWindowKinds = {WindowKind::kApi, WindowKind::kResolvers, WindowKind::kPages};
std::string_view ToString(WindowKind kind);
std::optional<WindowKind> ParseWindowKind(std::string_view text);

// Which window a request to `url` is charged to: `/api/…` except resolve-cache → api; any `/resolve/`,
// `/raw/` or resolve-cache → resolvers; other paths of the endpoint → pages; another origin than `endpoint` →
// nullopt. Pure.
std::optional<WindowKind> KindOf(std::string_view endpoint, std::string_view url);

// One server-side rate-limit window.
struct WindowState {
  uint64_t quota = 0;
  uint64_t remaining = 0;  // the hub's last word minus what was sent since
  WallTime resets_at;
  std::chrono::seconds length{300};
  bool closed = false;  // after a 429, until resets_at
  bool learned = false;
};

// RateLimit and RateLimit-Policy of one answer (hub-protocol 5.1), blanks and letter case ignored; nullopt
// when absent or malformed. Numbers are as sent: whoever uses them puts a bound on them. Pure.
struct RateLimitHeaders {
  std::string bucket;
  uint64_t remaining = 0;
  std::chrono::seconds reset_in{0};
  std::optional<uint64_t> quota;
  std::optional<std::chrono::seconds> length;
};

std::optional<RateLimitHeaders> ParseRateLimit(const transport::HttpHead& head);

// For people and RPCs.
struct WindowView {
  std::string endpoint;
  std::string identity;
  WindowKind kind = WindowKind::kApi;
  WindowState state;
  uint32_t waiting = 0;
};

}  // namespace batuta::budget
