#include "daemon/app/rpc_server.h"

#include <utility>

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_posix.h>

#include "common/log/log.h"
#include "daemon/app/rpc_meter.h"
#include "daemon/service/services.h"

namespace batuta::app {

namespace {

// Requests are small; the largest hold lists of file names.
constexpr int kMaxRequestBytes = 12 << 20;  // a pull with as many locked files as are allowed
constexpr int kMaxStreamsPerConnection = 256;

}  // namespace

RpcServer::RpcServer(const service::ServiceContext& context) : context_(context) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
}

RpcServer::~RpcServer() {
  Stop(std::chrono::milliseconds(0));
}

RpcServer::Facade RpcServer::MakeFacade(const service::ServiceContext& context, uint32_t uid) {
  Facade facade;
  facade.services = service::MakeServices(context, uid);
  grpc::ServerBuilder builder;
  for (const auto& service : facade.services) builder.RegisterService(service.get());
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  MeterCalls(context.operations.metrics, builder);
  facade.server = builder.BuildAndStart();
  return facade;
}

void RpcServer::Serve(UniqueFd connection, uint32_t uid) {
  if (is_stopped_) return;
  auto facade = facades_.find(uid);
  if (facade == facades_.end()) facade = facades_.emplace(uid, MakeFacade(context_, uid)).first;
  if (facade->second.server == nullptr) {
    LogError("no RPC server for a user", Field("uid", uid));
    return;
  }
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
