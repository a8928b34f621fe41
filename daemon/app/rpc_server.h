#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/io/unique_fd.h"
#include "daemon/app/call_pace.h"
#include "daemon/app/retractions.h"
#include "daemon/service/service_context.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace batuta::app {

// RpcServer serves the API on connections that the Listener admitted. Each uid gets a gRPC server of its own
// on first sight, whose services are bound to that uid: so every method knows its caller, proven by the
// kernel, and what one user does stays within limits of his own (rpc_server.cc says which). Each server also
// offers grpc.health.v1 and server reflection.
//
// Serve() runs on one thread, the listener's; Stop() comes after the last of it.
class RpcServer {
 public:
  // `context` outlives the server; its `calls` are those of all users together. So do all tasks that calls
  // have posted: destroy it when no thread runs them any more.
  explicit RpcServer(const service::ServiceContext& context);
  ~RpcServer();

  void Serve(UniqueFd connection, uint32_t uid);

  // Takes no more calls, and returns when all have ended; those under way are cancelled after `grace`.
  // Idempotent.
  void Stop(std::chrono::milliseconds grace);

 private:
  // Stays where it is until the end: tasks that a call has posted know it, and may outlive the call.
  struct Facade {
    Facade(const service::ServiceContext& shared, uint32_t uid);

    service::OpenCalls calls;
    Retractions retractions;
    CallPaces paces;
    service::ServiceContext context;  // the shared one, but for `calls`
    std::vector<std::unique_ptr<grpc::Service>> services;
    std::unique_ptr<grpc::Server> server;
  };

  const service::ServiceContext& context_;
  std::map<uint32_t, Facade> facades_;
  bool is_stopped_ = false;
};

}  // namespace batuta::app
