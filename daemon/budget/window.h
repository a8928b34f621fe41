#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"
#include "common/types/principal.h"
#include "daemon/transport/http_transport.h"

namespace batuta::budget {

// What the hub counts separately. The last two are limits of single actions, of which no answer tells and no
// quota is published: they are known from their refusals.
enum class WindowKind { kApi, kResolvers, kPages, kCommits, kRepoCreations };
inline constexpr std::array kWindowKinds = {WindowKind::kApi, WindowKind::kResolvers, WindowKind::kPages,
                                            WindowKind::kCommits, WindowKind::kRepoCreations};

// "api", "resolvers", "pages", "commits", "repo-creations".
std::string_view ToString(WindowKind kind);
std::optional<WindowKind> ParseWindowKind(std::string_view text);

constexpr bool IsOfOneAction(WindowKind kind) {
  return kind == WindowKind::kCommits || kind == WindowKind::kRepoCreations;
}

// Which window a request to `url` is charged to: `/api/…` except resolve-cache → api; any `/resolve/`,
// `/raw/` or resolve-cache → resolvers; other paths of the endpoint → pages; another origin than `endpoint` →
// nullopt. Pure.
std::optional<WindowKind> KindOf(std::string_view endpoint, std::string_view url);

// The window of one action to which the request is charged as well: a POST to `/api/…/commit/…` or to
// `/api/repos/create`. Pure.
std::optional<WindowKind> ActionOf(std::string_view endpoint, transport::HttpMethod method,
                                   std::string_view url);

// One server-side rate-limit window.
struct WindowState {
  uint64_t quota = 0;      // 0: not known
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

// What one principal has had of a window.
struct Spending {
  Principal principal;
  uint64_t requests = 0;  // sent since the window began
  uint32_t waiting = 0;
};

// For people and RPCs.
struct WindowView {
  std::string endpoint;
  std::string identity;
  WindowKind kind = WindowKind::kApi;
  WindowState state;
  bool is_scarce = false;  // those that had their part are paced
  uint32_t waiting = 0;
  std::vector<Spending> spending = {};  // by principal
};

}  // namespace batuta::budget
