// HttpServer answers HTTP/1.1 on one loopback port, a thread per connection, with the faults applied and all
// logged.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

#include "tests/hubsim/net/fault_board.h"
#include "tests/hubsim/net/http_message.h"
#include "tests/hubsim/net/request_recorder.h"
#include "tests/hubsim/net/socket.h"
#include "tests/hubsim/net/spool_folder.h"

namespace batuta::hubsim {

// What counting a request brought: fields for its answer, and the answer itself when it is refused.
struct Admission {
  std::string bucket = {};
  Headers headers = {};
  std::optional<Response> refusal = {};
};

// RequestHandler is the site behind a port. Methods are called from many threads at once.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // True for requests of the test itself: no faults, no log, no counting.
  virtual bool IsUnseen(const Request& request) const = 0;

  virtual Admission Admit(const Request& request) = 0;

  virtual Response Handle(const Request& request, const FaultPlan& plan) = 0;
};

// Everything a server borrows; all of it outlives the server.
struct ServerParts {
  RequestHandler& handler;
  FaultBoard& faults;
  RequestRecorder& recorder;
  const StopSignal& stop;
  SpoolFolder& spool;
  std::uint64_t kept_body_bytes = 0;  // request bodies up to this size go into the log
};

class HttpServer {
 public:
  // Listens at once; connections wait until Run().
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(Listener which, std::uint16_t port);

  // Joins.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Waits for all threads and closes the port; the stop signal must be raised before. Idempotent.
  void Join();

  // Starts to accept. Called once.
  void Run(const ServerParts& parts);

  std::uint16_t port() const { return listening_.port; }

  // Connections accepted so far.
  std::uint64_t connection_count() const { return connections_.load(); }

 private:
  struct Worker {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> is_done;
  };

  HttpServer(Listener which, ListeningSocket listening);

  void AcceptLoop();
  void ReapWorkers();
  void Serve(AcceptedSocket accepted, std::uint64_t connection_id);

  const Listener which_;
  ListeningSocket listening_;
  std::optional<ServerParts> parts_;  // set by Run(), never changed after
  std::atomic<std::uint64_t> connections_ = 0;
  std::mutex join_mutex_;
  std::thread acceptor_;
  std::list<Worker> workers_;  // touched by the accepting thread, and by the destructor after its end
};

}  // namespace batuta::hubsim
