#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "absl/status/status.h"

#include "common/time/clock.h"
#include "common/types/secret.h"
#include "daemon/transport/http_transport.h"

namespace batuta::hub {

// What was asked for, so that a refusal can be understood and named.
struct Asked {
  // What a plain 404 or 401 means when the hub gives no code.
  enum class Kind {
    kRepo,      // repo metadata without a revision: 404 = no such repo
    kRevision,  // something of a revision (its metadata, its tree): 404 = no such repo or revision
    kFile,      // one file: 404 = no such file
    kOther,     // search, identity: no repo is meant
  };

  std::string_view what;  // for the message: "model acme/otter-7b", "search"
  bool with_token = false;
  bool on_endpoint = true;  // false: a link on another host
  Kind kind = Kind::kOther;
  std::string_view page;          // where a person reads about the repo, and asks for access; may be empty
  const Secret* token = nullptr;  // cut out of the hub's words, should it repeat it
};

// The Status of an answer that is not 2xx and not 3xx. Pure: all HTTP error classification of the daemon
// stands here. `body` is the first 4 KiB at most. Order of the rules: hub-protocol 3.8.
//
//   kNotFound          REPO_NOT_FOUND, REVISION_NOT_FOUND, ENTRY_NOT_FOUND
//   kUnauthenticated   TOKEN_MISSING, TOKEN_REJECTED
//   kPermissionDenied  REPO_GATED, REPO_DISABLED, HUB_FORBIDDEN
//   kResourceExhausted HUB_RATE_LIMITED, with the fact retry_after_ms when the hub names a time
//   kUnavailable       HUB_UNREACHABLE: 408 and 5xx, with retry_after_ms likewise
//   kAborted           UPSTREAM_CHANGED: 416, the object is shorter than it was said to be; REVISION_MOVED:
//   412 kAlreadyExists     HUB_ERROR: 409 kInvalidArgument, kInternal  HUB_ERROR: 400, 413 and 422, anything
//   else
//
// The hub's own words stand in the message: printable, at most 300 characters.
absl::Status HttpError(const transport::HttpHead& head, std::string_view body, const Asked& asked,
                       WallTime now);

// `Retry-After` as seconds or HTTP date, else `t` of a RateLimit header whose `r` is 0; nullopt when neither
// says. Never more than a day.
std::optional<std::chrono::milliseconds> RetryAfter(const transport::HttpHead& head, WallTime now);

}  // namespace batuta::hub
