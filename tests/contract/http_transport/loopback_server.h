#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/io/unique_fd.h"
#include "common/sync/mutex.h"

namespace batuta {

// What arrived on a connection of the LoopbackServer.
struct RawRequest {
  std::string method;
  std::string target;
  std::string head;  // all of it, from the request line to the empty one
  std::string body;
  int connection = 0;  // 1 for the first that was accepted, and so on
};

class LoopbackServer;

// One answer being written, byte by byte as the test wants it.
class RawAnswer {
 public:
  // False when the client is gone.
  bool Write(std::string_view bytes);

  // Waits until the server's Release() or its end; false for the latter, or when the client has gone
  // meanwhile.
  bool WaitForRelease();

  // The connection ends after this answer; without it the next request of the same connection is read.
  void Close() { keeps_open_ = false; }

  void Reset();

 private:
  friend class LoopbackServer;

  RawAnswer(LoopbackServer& server, int socket, void* tls) : server_(server), socket_(socket), tls_(tls) {}

  LoopbackServer& server_;
  const int socket_;
  void* const tls_;
  bool keeps_open_ = true;
};

// LoopbackServer is the smallest HTTP/1.1 server on 127.0.0.1, a thread per connection, whose answers are raw
// bytes: what no decent server would send is what the tests want to see. Thread-safe.
class LoopbackServer {
 public:
  // Called on the connection's thread.
  using Site = std::function<void(const RawRequest&, RawAnswer&)>;

  struct Tls {
    std::string certificate_file;  // PEM
    std::string key_file;
  };

  explicit LoopbackServer(Site site) : LoopbackServer(std::move(site), Tls{}) {}

  LoopbackServer(Site site, const Tls& tls);

  // Ends every connection and waits for the threads.
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  uint16_t port() const { return port_; }

  std::string Url(std::string_view path) const;

  // Lets every WaitForRelease() go, now and later.
  void Release();

  std::vector<RawRequest> Requests() const;

  // False when fewer than `count` requests arrived in 20 seconds.
  bool WaitForRequests(size_t count);

 private:
  friend class RawAnswer;

  struct TlsContextDeleter {
    void operator()(void* context) const;
  };

  void AcceptLoop();
  void Serve(int socket, int connection);
  bool ReadRequest(int socket, void* tls, std::string* buffer, RawRequest* request);
  bool IsReleasedOrStopping();

  const Site site_;
  std::unique_ptr<void, TlsContextDeleter> tls_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  mutable Mutex mutex_;
  CondVar changed_;
  bool is_released_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<RawRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::list<std::thread> threads_;  // of the accepting thread, then of the destructor
  std::thread acceptor_;
};

// `HTTP/1.1 200 OK`, the headers given and Content-Length, then the body.
std::string PlainAnswer(int status, const std::vector<std::pair<std::string, std::string>>& headers,
                        std::string_view body);

}  // namespace batuta
