#include "daemon/app/rpc_server.h"

#include <string_view>
#include <utility>

#include "absl/synchronization/mutex.h"
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>

#include "common/log/log.h"
#include "daemon/app/rpc_meter.h"
#include "daemon/service/services.h"

namespace batuta::app {

namespace {

// Of one message; the largest are lists of file names.
constexpr int kMaxRequestBytes = 12 << 20;  // a pull with as many locked files as are allowed

// Of one connection.
constexpr int kMaxMetadataBytes = 8 << 10;
constexpr int kMaxStreamsPerConnection = 100;  // what HTTP/2 has every server allow
constexpr int kMaxIdleMs = 60 * 60 * 1'000;    // without a call; longer than anybody thinks about a question

// Of one user, all his connections together. What a call takes in gRPC and what has come of messages counts
// against the quota, which is a target and not a wall: beyond it gRPC gives back what it can.
constexpr size_t kMaxCallsPerUser = 2'048;
constexpr size_t kQuotaBytesPerUser = 64 << 20;

// Each costs memory until the daemon ends.
constexpr size_t kMaxUsers = 1'024;

// A block of a served folder goes in few frames instead of in 64.
constexpr int kMaxFrameBytes = 1 << 20;

// At once from a connection. What malloc has to get from the kernel each time costs more than to fill it.
constexpr int kMaxReadBytes = 256 << 10;

// The listener still has a descriptor of it, and lets go when it sees the end.
void End(const UniqueFd& connection) {
  shutdown(connection.get(), SHUT_RDWR);
}

}  // namespace

RpcServer::RpcServer(const service::ServiceContext& context) : context_(context) {
  // The packaged libraries are built with checks for their own authors: every mutex that gRPC takes is noted
  // in one graph of the whole process, to find cycles. The threads that serve calls would wait for each other
  // there.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
}

RpcServer::~RpcServer() {
  Stop(std::chrono::milliseconds(0));
}

// No keepalive: the kernel tells when the other end of a Unix socket is gone, and a client that was stopped
// for a while (Ctrl-Z) goes on afterwards. Those that ping too often are sent away by default.
RpcServer::Facade::Facade(const service::ServiceContext& shared, uint32_t uid)
    : calls(*shared.calls, kMaxCallsPerUser, shared.clock.steady()),
      retractions(uid, shared.clock),
      paces(shared.clock),
      context(shared) {
  context.calls = &calls;
  services =
      service::MakeServices(context, uid,
                            {.on_taken_back = [this](std::string_view peer) { retractions.Note(peer); },
                             .wait_for_turn = [this](std::string_view peer) { return paces.Add(peer); },
                             .timer = &shared.core});
  grpc::ServerBuilder builder;
  for (const auto& service : services) builder.RegisterService(service.get());
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleMs);
  builder.SetResourceQuota(grpc::ResourceQuota("user").Resize(kQuotaBytesPerUser));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kMaxFrameBytes);
  builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kMaxReadBytes);
  MeterCalls(context.operations.metrics, builder);
  server = builder.BuildAndStart();
}

void RpcServer::Serve(UniqueFd connection, uint32_t uid) {
  if (is_stopped_) return;
  auto facade = facades_.find(uid);
  if (facade == facades_.end()) {
    if (facades_.size() >= kMaxUsers) {
      LogWarn("connection refused", Field("why", "too many users"), Field("uid", uid));
      return End(connection);
    }
    facade = facades_.try_emplace(uid, context_, uid).first;
  }
  if (facade->second.server == nullptr) {
    LogError("no RPC server for a user", Field("uid", uid));
    return End(connection);
  }
  if (facade->second.retractions.AreTooMany()) return End(connection);
  grpc::AddInsecureChannelFromFd(facade->second.server.get(), connection.Release());
}

void RpcServer::Stop(std::chrono::milliseconds grace) {
  if (std::exchange(is_stopped_, true)) return;
  const auto deadline = std::chrono::system_clock::now() + grace;
  for (auto& [uid, facade] : facades_) {
    if (facade.server != nullptr) facade.server->Shutdown(deadline);
  }
}

}  // namespace batuta::app
