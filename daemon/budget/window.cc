#include "daemon/budget/window.h"

#include "absl/status/statusor.h"

#include "common/text/url.h"

namespace batuta::budget {
namespace {

bool HasSegment(std::string_view path, std::string_view segment) {
  return path.find(segment) != std::string_view::npos;
}

// The path below the endpoint's own, which a hub behind a reverse proxy may have; nullopt when it lies
// elsewhere.
std::optional<std::string_view> PathBelow(std::string_view base, std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  if (!path.starts_with(base)) return std::nullopt;
  path.remove_prefix(base.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return path;
}

// The path of the URL as the hub sees it; nullopt when the URL is not on the endpoint's origin.
std::optional<std::string> PathOnEndpoint(std::string_view endpoint, std::string_view url) {
  if (!SameOrigin(endpoint, url)) return std::nullopt;
  const absl::StatusOr<UrlParts> parts = SplitUrl(url);
  const absl::StatusOr<UrlParts> base = SplitUrl(endpoint);
  if (!parts.ok() || !base.ok()) return std::nullopt;
  // A path beside the endpoint's own is still the same server, and its least specific window.
  return std::string(PathBelow(base->path, parts->path).value_or(parts->path));
}

}  // namespace

std::string_view ToString(WindowKind kind) {
  switch (kind) {
    case WindowKind::kApi:
      return "api";
    case WindowKind::kResolvers:
      return "resolvers";
    case WindowKind::kPages:
      return "pages";
    case WindowKind::kCommits:
      return "commits";
    case WindowKind::kRepoCreations:
      return "repo-creations";
  }
  return "api";
}

std::optional<WindowKind> ParseWindowKind(std::string_view text) {
  for (const WindowKind kind : kWindowKinds) {
    if (text == ToString(kind)) return kind;
  }
  return std::nullopt;
}

std::optional<WindowKind> KindOf(std::string_view endpoint, std::string_view url) {
  const std::optional<std::string> path = PathOnEndpoint(endpoint, url);
  if (!path) return std::nullopt;
  if (HasSegment(*path, "/resolve/") || HasSegment(*path, "/raw/") || HasSegment(*path, "/resolve-cache/")) {
    return WindowKind::kResolvers;
  }
  return path->starts_with("/api/") ? WindowKind::kApi : WindowKind::kPages;
}

std::optional<WindowKind> ActionOf(std::string_view endpoint, transport::HttpMethod method,
                                   std::string_view url) {
  if (method != transport::HttpMethod::kPost) return std::nullopt;
  const std::optional<std::string> path = PathOnEndpoint(endpoint, url);
  if (!path || !path->starts_with("/api/")) return std::nullopt;
  if (*path == "/api/repos/create") return WindowKind::kRepoCreations;
  if (HasSegment(*path, "/commit/")) return WindowKind::kCommits;
  return std::nullopt;
}

}  // namespace batuta::budget
