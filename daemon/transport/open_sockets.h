#pragma once

#include <optional>
#include <set>

#include <curl/curl.h>

namespace batuta::transport {

// OpenSockets knows the connections of a multi handle, of which libcurl tells nothing while a transfer goes
// on. Outlives the handle; used on one thread.
class OpenSockets {
 public:
  // Those that `easy` opens are known from then on.
  void Watch(CURL* easy);

  // How many bytes the kernel has taken for the connection from this local port and has not brought to the
  // other end. Nothing where there is no such connection.
  std::optional<int> Queued(int local_port) const;

 private:
  static curl_socket_t Open(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
  static int Close(void* self, curl_socket_t socket) noexcept;

  std::set<curl_socket_t> sockets_;
};

}  // namespace batuta::transport
