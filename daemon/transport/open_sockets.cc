#include "daemon/transport/open_sockets.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace batuta::transport {
namespace {

// 0: none.
int LocalPort(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return 0;
}

}  // namespace

void OpenSockets::Watch(CURL* easy) {
  // libcurl keeps the second pair with the connection, however long that is kept.
  (curl_easy_setopt)(easy, CURLOPT_OPENSOCKETFUNCTION, &OpenSockets::Open);
  (curl_easy_setopt)(easy, CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  (curl_easy_setopt)(easy, CURLOPT_CLOSESOCKETFUNCTION, &OpenSockets::Close);
  (curl_easy_setopt)(easy, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
}

std::optional<int> OpenSockets::Queued(int local_port) const {
  for (const curl_socket_t socket : sockets_) {
    int queued = 0;
    if (LocalPort(socket) == local_port && ::ioctl(socket, SIOCOUTQ, &queued) == 0) return queued;
  }
  return std::nullopt;
}

curl_socket_t OpenSockets::Open(void* self, curlsocktype, curl_sockaddr* address) noexcept {
  const int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (socket >= 0) static_cast<OpenSockets*>(self)->sockets_.insert(socket);
  return socket;
}

int OpenSockets::Close(void* self, curl_socket_t socket) noexcept {
  static_cast<OpenSockets*>(self)->sockets_.erase(socket);
  return ::close(socket);
}

}  // namespace batuta::transport
