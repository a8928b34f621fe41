#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include <curl/curl.h>

namespace batuta::transport {

// All that is known about a call that libcurl could not bring to its end.
struct CurlFailure {
  CURLcode code = CURLE_OK;
  std::string detail;   // libcurl's own words; shown only for the codes whose words never hold a URL
  int os_error = 0;     // errno of the failed connect, 0 when unknown
  std::string host;     // Destination::host
  std::string ca_file;  // CurlOptions::ca_file
  std::chrono::milliseconds connect_timeout{0};
  bool was_connected = false;
  bool has_head = false;
  uint64_t received = 0;  // bytes of the body
  std::optional<uint64_t> expected;
};

// The Status of HttpHandler::OnDone for it. Pure. Says "never sent" (see NeverSent()) when the connection was
// not made.
absl::Status ToStatus(const CurlFailure& failure);

// The same for what the transport finds itself: no byte for `limit`, or not finished within `limit`.
absl::Status IdleTooLong(const CurlFailure& failure, std::chrono::milliseconds limit);
absl::Status TookTooLong(const CurlFailure& failure, std::chrono::milliseconds limit);

}  // namespace batuta::transport
