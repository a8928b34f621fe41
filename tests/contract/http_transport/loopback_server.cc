#include "tests/contract/http_transport/loopback_server.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace batuta {
namespace {

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

SSL* AsSsl(void* tls) {
  return static_cast<SSL*>(tls);
}

bool IsGone(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

long ReadSome(int socket, void* tls, char* data, size_t size) {
  if (tls != nullptr) return SSL_read(AsSsl(tls), data, static_cast<int>(size));
  return ::recv(socket, data, size, 0);
}

size_t BodyLength(const std::string& head) {
  const size_t field = head.find("Content-Length: ");
  return field == std::string::npos ? 0 : std::strtoul(head.c_str() + field + 16, nullptr, 10);
}

}  // namespace

bool RawAnswer::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const long sent = tls_ != nullptr ? SSL_write(AsSsl(tls_), bytes.data(), static_cast<int>(bytes.size()))
                                      : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawAnswer::WaitForRelease() {
  while (!server_.IsReleasedOrStopping()) {
    if (IsGone(socket_)) return false;
  }
  MutexLock lock(server_.mutex_);
  return !server_.is_stopping_;
}

void RawAnswer::Reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  keeps_open_ = false;
}

void LoopbackServer::TlsContextDeleter::operator()(void* context) const {
  SSL_CTX_free(static_cast<SSL_CTX*>(context));
}

LoopbackServer::LoopbackServer(Site site, const Tls& tls)
    : site_(std::move(site)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (!tls.certificate_file.empty()) {
    tls_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* const context = static_cast<SSL_CTX*>(tls_.get());
    if (SSL_CTX_use_certificate_file(context, tls.certificate_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      Die("certificate");
    }
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, length) != 0 || ::listen(listener_.get(), 128) != 0 ||
      ::getsockname(listener_.get(), generic, &length) != 0) {
    Die("listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { AcceptLoop(); });
}

LoopbackServer::~LoopbackServer() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    changed_.NotifyAll();
  }
  ::shutdown(listener_.get(), SHUT_RDWR);  // accept() returns
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
}

std::string LoopbackServer::Url(std::string_view path) const {
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + std::string(path);
}

void LoopbackServer::Release() {
  MutexLock lock(mutex_);
  is_released_ = true;
  changed_.NotifyAll();
}

bool LoopbackServer::IsReleasedOrStopping() {
  MutexLock lock(mutex_);
  if (!is_released_ && !is_stopping_) {
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  }
  return is_released_ || is_stopping_;
}

std::vector<RawRequest> LoopbackServer::Requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

bool LoopbackServer::WaitForRequests(size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  MutexLock lock(mutex_);
  while (requests_.size() < count) {
    if (!changed_.WaitUntil(mutex_, deadline)) break;
  }
  return requests_.size() >= count;
}

void LoopbackServer::AcceptLoop() {
  for (int connection = 1;; ++connection) {
    const int socket = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    MutexLock lock(mutex_);
    if (is_stopping_) {
      ::close(socket);
      return;
    }
    open_.push_back(socket);
    threads_.emplace_back([this, socket, connection] { Serve(socket, connection); });
  }
}

bool LoopbackServer::ReadRequest(int socket, void* tls, std::string* buffer, RawRequest* request) {
  std::string piece(64 * 1024, '\0');
  const auto read_until = [&](const std::function<bool()>& is_enough) {
    while (!is_enough()) {
      const long size = ReadSome(socket, tls, piece.data(), piece.size());
      if (size <= 0) return false;
      buffer->append(piece, 0, static_cast<size_t>(size));
      if (buffer->front() < 'A' || buffer->front() > 'Z') return false;  // not HTTP: a TLS greeting
    }
    return true;
  };
  if (!read_until([&] { return buffer->find("\r\n\r\n") != std::string::npos; })) return false;
  const size_t head_size = buffer->find("\r\n\r\n") + 4;
  request->head = buffer->substr(0, head_size);
  const size_t body_size = BodyLength(request->head);
  if (!read_until([&] { return buffer->size() >= head_size + body_size; })) return false;
  request->body = buffer->substr(head_size, body_size);
  buffer->erase(0, head_size + body_size);
  const size_t blank = request->head.find(' ');
  request->method = request->head.substr(0, blank);
  request->target = request->head.substr(blank + 1, request->head.find(' ', blank + 1) - blank - 1);
  return true;
}

void LoopbackServer::Serve(int socket, int connection) {
  // OpenSSL writes without MSG_NOSIGNAL; a client that hung up must not end the test.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  SSL* tls = nullptr;
  if (tls_) {
    tls = SSL_new(static_cast<SSL_CTX*>(tls_.get()));
    SSL_set_fd(tls, socket);
  }
  if (tls == nullptr || SSL_accept(tls) == 1) {
    std::string buffer;
    RawAnswer answer(*this, socket, tls);
    while (answer.keeps_open_) {
      RawRequest request;
      request.connection = connection;
      if (!ReadRequest(socket, tls, &buffer, &request)) break;
      {
        MutexLock lock(mutex_);
        requests_.push_back(request);
        changed_.NotifyAll();
      }
      site_(request, answer);
    }
  }
  SSL_free(tls);
  ERR_clear_error();
  MutexLock lock(mutex_);
  std::erase(open_, socket);
  ::close(socket);
}

std::string PlainAnswer(int status, const std::vector<std::pair<std::string, std::string>>& headers,
                        std::string_view body) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Status\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text.append(body);
}

}  // namespace batuta
