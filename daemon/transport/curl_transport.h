#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/transport/http_transport.h"

namespace batuta::transport {

struct CurlOptions {
  std::string user_agent = "batuta/0.1";
  std::string ca_file;               // SSL_CERT_FILE; empty = the system's
  int max_connections = 64;          // all hosts together; ≥ 1
  int max_connections_per_host = 16; // ≥ 1
  size_t receive_buffer_bytes = 256 * 1024;  // what curl reads at once
};

// CurlTransport runs every request of the process on one thread with one libcurl multi handle: HTTP/1.1 keep-alive, HTTP/2
// where the server offers it over TLS. Proxies come from the environment as libcurl reads them. Never writes a URL's query
// or an Authorization header to a log.
class CurlTransport : public HttpTransport {
 public:
  //   kInternal (INTERNAL)  libcurl cannot be set up.
  static absl::StatusOr<std::unique_ptr<CurlTransport>> Start(CurlOptions options);

  // Cancels what runs, calls every OnDone, joins the thread. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace batuta::transport
