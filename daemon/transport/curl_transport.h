#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "daemon/transport/http_transport.h"

namespace batuta::transport {

struct CurlOptions {
  std::string user_agent = "batuta/0.1";

  // SSL_CERT_FILE; empty = the system's.
  std::string ca_file{};

  // All hosts together, and each host; ≥ 1. A quarter of either is closed to bulk loads (see call_queue.h).
  int max_connections = 64;
  int max_connections_per_host = 16;

  // What curl reads at once from a bulk load; 1 KiB to 10 MiB.
  size_t receive_buffer_bytes = 256 * 1024;

  // Beyond: kResourceExhausted (DAEMON_BUSY).
  size_t max_waiting_calls = 100'000;
};

// CurlTransport runs every request of the process on one thread with one libcurl multi handle: HTTP/1.1
// keep-alive, and for short calls HTTP/2 where the server offers it over TLS. What the limits on connections
// hold back waits in its own order: interactive first, and an API call never behind downloads. Proxies come
// from the environment as libcurl reads them. Never writes a URL's query or an Authorization header to a log
// or an error.
class CurlTransport : public HttpTransport {
 public:
  //   kInternal (INTERNAL)  libcurl cannot be set up.
  static absl::StatusOr<std::unique_ptr<CurlTransport>> Start(CurlOptions options);
  using HttpTransport::Start;

  // Cancels what runs, calls every OnDone, joins the thread. Idempotent; not from a handler. No handler is
  // called after it returned: a Start() that comes later is dropped, its handler unheard.
  virtual void Stop() = 0;
};

}  // namespace batuta::transport
