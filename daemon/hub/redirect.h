#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

#include "daemon/transport/http_transport.h"

// Where an answer sends us next. Pure: the rules that keep the token at home stand here.
namespace batuta::hub {

// One request of a chain of redirects.
struct Hop {
  std::string url;
  bool send_token = false;  // may the token go along, if there is one
  int number = 0;           // 0 = the first request

  // The first request of a chain; `url` is an address that HubUrls made.
  static Hop First(std::string url) { return Hop{.url = std::move(url), .send_token = true, .number = 0}; }
};

inline constexpr int kMaxHops = 10;

// 301, 302, 303, 307 and 308.
bool IsRedirect(int status);

// The hop after `current`, whose answer pointed to `location` (absolute or relative). The token goes along
// only while the chain has not left the origin of `endpoint`: a chain that has been elsewhere does not get it
// back. A redirect on the endpoint that drops the query keeps the one that was asked with, as renames do.
//   kInternal (HUB_PROTOCOL)  no or a malformed target, one that is not http(s), one with credentials in it,
//   from https to
//                             http, or more than kMaxHops. Messages never show more of a target than its
//                             host.
absl::StatusOr<Hop> NextHop(std::string_view endpoint, const Hop& current, std::string_view location);

// The next page that an answer to a request for `url` names in its `Link` header; nullopt at the end of the
// list.
//   kInternal (HUB_PROTOCOL)  the next page lies elsewhere than on `endpoint`, or is malformed.
absl::StatusOr<std::optional<std::string>> NextPage(std::string_view endpoint, std::string_view url,
                                                    const transport::HttpHead& head);

}  // namespace batuta::hub
