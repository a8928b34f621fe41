#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "daemon/transport/http_transport.h"

namespace batuta::transport {

// A half-open range of bytes.
struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;

  uint64_t size() const { return end - begin; }

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// RangeHandler receives the bytes of one range, in order. Called as HttpHandler is: never two at once, on the
// transport's thread or, while the budget holds the request back, on the core sequence; must not block.
class RangeHandler {
 public:
  virtual ~RangeHandler() = default;

  // The bytes that follow begin at `offset`: what was asked for, or 0 when the server does not do ranges.
  virtual void OnStart(uint64_t offset) = 0;
  virtual DataResult OnData(std::span<const std::byte> bytes) = 0;

  // Exactly once, last. OK only when the range arrived whole or OnData said kStop. Errors as
  // HttpHandler::OnDone and:
  //   kUnavailable (LINK_EXPIRED)     a signed link ran out; the next Fetch() asks for a new one.
  //   kAborted (UPSTREAM_CHANGED)     the object is not the one that was asked for.
  //   kNotFound, kPermissionDenied …  what the hub said (see daemon/hub/http_error.h).
  virtual void OnDone(const absl::Status& status) = 0;

  virtual void OnWaiting(const WaitInfo& info) { static_cast<void>(info); }
};

// RangeSource yields the bytes of one immutable object by ranges, wherever it comes from: it hides links,
// redirects and credentials. Thread-safe; no method blocks.
class RangeSource {
 public:
  virtual ~RangeSource() = default;
  virtual CallId Fetch(ByteRange range, std::shared_ptr<RangeHandler> handler) = 0;
  virtual void Cancel(CallId call) = 0;
  virtual void Resume(CallId call) = 0;
};

}  // namespace batuta::transport
