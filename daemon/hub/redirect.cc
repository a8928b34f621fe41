#include "daemon/hub/redirect.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "common/status/status.h"
#include "common/text/url.h"
#include "daemon/transport/header_fields.h"

namespace batuta::hub {
namespace {

absl::Status ProtocolError(std::string_view message) {
  return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol, message);
}

std::string HostOf(std::string_view url) {
  const absl::StatusOr<UrlParts> parts = SplitUrl(url);
  return parts.ok() ? parts->host : "[not a URL]";
}

// Is `next` among the relations of `rel="…"` in the parameters of a link?
bool IsNext(std::string_view parameters) {
  while (!parameters.empty()) {
    const size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = transport::Trimmed(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos ||
        !transport::EqualsIgnoreCase(transport::Trimmed(parameter.substr(0, equals)), "rel"))
      continue;
    std::string_view value = transport::Trimmed(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (transport::EqualsIgnoreCase(value, "next")) return true;
  }
  return false;
}

// The target of the link with rel="next" in a Link header; empty when there is none.
std::string_view NextTarget(std::string_view header) {
  while (true) {
    const size_t open = header.find('<');
    if (open == std::string_view::npos) return {};
    const size_t close = header.find('>', open);
    if (close == std::string_view::npos) return {};
    const std::string_view target = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    // A comma ends the parameters of this link; none of the values that we care about holds one.
    const size_t end = std::min(header.find(','), header.size());
    if (IsNext(header.substr(0, end))) return target;
    header.remove_prefix(end);
  }
}

}  // namespace

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

absl::StatusOr<Hop> NextHop(std::string_view endpoint, const Hop& current, std::string_view location) {
  if (current.number >= kMaxHops)
    return ProtocolError(fmt::format("redirected more than {} times", kMaxHops));
  location = transport::Trimmed(location);
  if (location.empty()) return ProtocolError("redirected to nowhere: the answer has no Location");
  absl::StatusOr<std::string> target = ResolveReference(current.url, location);
  if (!target.ok()) return ProtocolError("redirected to a malformed address");

  ASSIGN_OR_RETURN(const UrlParts from, SplitUrl(current.url));
  ASSIGN_OR_RETURN(UrlParts to, SplitUrl(*target));
  if (from.scheme == "https" && to.scheme == "http") {
    return ProtocolError(fmt::format("redirected from https to http ({})", to.host));
  }
  const bool stays = SameOrigin(endpoint, current.url) && SameOrigin(endpoint, *target);
  if (stays && to.query.empty() && !from.query.empty()) {
    to.query = from.query;
    *target = JoinUrl(to);
  }
  return Hop{
      .url = *std::move(target), .send_token = current.send_token && stays, .number = current.number + 1};
}

absl::StatusOr<std::optional<std::string>> NextPage(std::string_view endpoint, std::string_view url,
                                                    const transport::HttpHead& head) {
  for (const transport::HttpHeader& header : head.headers) {
    if (!transport::EqualsIgnoreCase(header.name, "Link")) continue;
    const std::string_view target = NextTarget(header.value);
    if (target.empty()) continue;
    absl::StatusOr<std::string> next = ResolveReference(url, target);
    if (!next.ok()) return ProtocolError("the address of the next page is malformed");
    if (!SameOrigin(endpoint, *next)) {
      return ProtocolError(fmt::format("the next page lies on another server ({})", HostOf(*next)));
    }
    return std::optional<std::string>(*std::move(next));
  }
  return std::optional<std::string>();
}

}  // namespace batuta::hub
