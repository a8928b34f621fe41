#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "daemon/transport/http_transport.h"

namespace batuta::transport {

// How heavy a request is on its connection.
enum class Load {
  kShort,  // an API call, a small file: an answer of little length, or one that its caller bounds
  kBulk,   // megabytes, one way or the other: fills a connection for seconds and longer
};

// Where a request goes, ready for messages and for counting connections.
struct Destination {
  std::string origin;  // "https://host:port": requests with the same one share connections
  std::string host;    // "host", or "host:port" when the port is not the scheme's own
  bool is_secure = false;
};

// What must hold before a request is put on the wire. Pure.
//   kInvalidArgument (INVALID_ARGUMENT)  see HttpHandler::OnDone.
absl::StatusOr<Destination> CheckRequest(const HttpRequest& request);

// Bulk: a body of 1 MiB or more to send; a GET of a range of 1 MiB or more (or of unknown length), or one
// whose answer may take more than 64 MiB. Pure.
Load LoadOf(const HttpRequest& request);

}  // namespace batuta::transport
