#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "common/time/clock.h"
#include "common/types/principal.h"
#include "common/types/secret.h"
#include "daemon/transport/http_body.h"

namespace batuta {

// How a request or job is placed among others.
enum class Priority { kInteractive, kNormal, kBackground };

// HttpTransport moves HTTP requests and answers, and knows nothing about hubs. Redirects are not followed:
// their answer is handed over like any other.
namespace transport {

enum class HttpMethod { kGet, kHead, kPost, kPut, kDelete };

struct HttpHeader {
  std::string name;
  std::string value;
};

// What one request asks for, and what it may cost.
struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string url;  // http or https, absolute, percent-encoded
  std::vector<HttpHeader> headers;
  std::string body;  // of POST and PUT

  // The same, piece by piece; then `body` is empty. No other request uses it meanwhile.
  std::shared_ptr<HttpBody> body_source = nullptr;

  // Sent as `Authorization: Bearer …`. Whoever builds the request vouches that `url` is the configured
  // endpoint.
  Secret bearer;

  // An answer whose body is longer ends with kOutOfRange (ANSWER_TOO_LARGE).
  uint64_t max_body_bytes = UINT64_MAX;

  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds idle_timeout{30'000};  // no byte for so long while not paused; 0 = for ever
  std::chrono::milliseconds total_timeout{0};  // from when it is put on the wire, pauses included; 0 = none

  // For admission (see daemon/budget): who asks, for which of his jobs ("" = none), how urgent it is, and
  // whether it may be held back or fails instead with kResourceExhausted (HUB_RATE_LIMITED).
  Principal principal;
  std::string job;
  Priority priority = Priority::kNormal;
  bool may_wait = true;
};

// Status line and headers of an answer. At most 256 headers and 64 KiB together; more is kOutOfRange
// (ANSWER_TOO_LARGE).
struct HttpHead {
  int status = 0;
  std::vector<HttpHeader> headers;

  // The first header of that name (any letter case), else nullopt.
  std::optional<std::string_view> Find(std::string_view name) const;
};

enum class DataResult {
  kContinue,
  kPause,  // the bytes were NOT consumed: the same ones come again after Resume()
  kStop,   // enough: the connection is dropped and OnDone(OK) follows
};

// Why a request is being held back.
struct WaitInfo {
  std::string reason;  // "rate limit"
  std::string window;  // "resolvers of anonymous at https://…"
  WallTime until;
};

// HttpHandler receives one answer. Never called inside Start(); must not block. Calls for one request never
// overlap: they come on the transport's thread, or, while the budget holds the request back, on the core
// sequence.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // At most once, before any data. `1xx` answers are not shown.
  virtual void OnHead(const HttpHead& head) = 0;
  virtual DataResult OnData(std::span<const std::byte> bytes) = 0;

  // Exactly once, last. OK: the answer arrived whole (whatever its HTTP status) or OnData said kStop.
  //   kUnavailable (HUB_UNREACHABLE)       no connection, DNS, TLS, time-out, cut short: the message says
  //                                        which, with the host.
  //   kOutOfRange (ANSWER_TOO_LARGE)       see HttpRequest and HttpHead.
  //   kCancelled (CANCELLED)               after Cancel() or at shutdown.
  //   kInvalidArgument (INVALID_ARGUMENT)  nothing was sent: `url` is no absolute http(s) URL or holds a user
  //                                        name, or a header or the token holds a control character.
  //   kResourceExhausted (HUB_RATE_LIMITED)  only when may_wait is false.
  //   kResourceExhausted (DAEMON_BUSY)     too many requests wait already.
  virtual void OnDone(const absl::Status& status) = 0;

  // So many bytes of the request's body have gone out so far; fewer than before when it is sent again. Of a
  // `body_source` only.
  virtual void OnSent(uint64_t bytes) { static_cast<void>(bytes); }

  // The request is being held back; may come several times, before OnHead.
  virtual void OnWaiting(const WaitInfo& info) { static_cast<void>(info); }
};

// Does this error of OnDone mean that no server can have seen the request, because no connection was made?
// Then it cost nothing of any rate limit.
bool NeverSent(const absl::Status& status);
absl::Status MarkNeverSent(absl::Status status);

using CallId = uint64_t;

// Thread-safe; no method blocks.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;

  // Keeps `handler` alive until after OnDone. `Accept-Encoding: identity` is sent always, and no body is ever
  // decoded.
  virtual CallId Start(HttpRequest request, std::shared_ptr<HttpHandler> handler) = 0;

  // OnDone(kCancelled) follows unless it came already. Unknown ids are ignored.
  virtual void Cancel(CallId call) = 0;

  // After DataResult::kPause. Unknown ids are ignored.
  virtual void Resume(CallId call) = 0;
};

}  // namespace transport
}  // namespace batuta
