#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "daemon/transport/http_transport.h"

namespace batuta::hub {

// What was asked for, so that a refusal can be understood and named.
struct Asked {
  std::string_view what;     // for the message: "model acme/otter-7b", "search"
  bool with_token = false;
  bool on_endpoint = true;   // false: a link on another host
};

// The Status of an answer that is not 2xx and not 3xx. Pure: all HTTP error classification of the daemon stands here.
// `body` is the first 4 KiB at most. Order of the rules: hub-protocol 3.8.
absl::Status HttpError(const transport::HttpHead& head, std::string_view body, const Asked& asked, WallTime now);

// `Retry-After` as seconds or HTTP date, else `t` of a RateLimit header whose `r` is 0; nullopt when neither says.
std::optional<std::chrono::milliseconds> RetryAfter(const transport::HttpHead& head, WallTime now);

}  // namespace batuta::hub
