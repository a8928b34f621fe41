#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/service/measured_service.h"
#include "daemon/service/service_context.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace batuta::service {

// One service of the API each, bound to the uid whose connections it serves: that is how a method knows its
// caller, since gRPC tells nothing of the peer of a Unix socket. `context` outlives them.
std::unique_ptr<grpc::Service> MakeHubService(const ServiceContext& context, uint32_t uid);
std::unique_ptr<grpc::Service> MakeJobService(const ServiceContext& context, uint32_t uid);
std::unique_ptr<grpc::Service> MakeCacheService(const ServiceContext& context, uint32_t uid);
std::unique_ptr<grpc::Service> MakeBudgetService(const ServiceContext& context, uint32_t uid);
std::unique_ptr<grpc::Service> MakeFitService(const ServiceContext& context, uint32_t uid);
std::unique_ptr<grpc::Service> MakePushService(const ServiceContext& context, uint32_t uid);
std::unique_ptr<grpc::Service> MakeDaemonService(const ServiceContext& context, uint32_t uid);

// All of them, each request measured before it is parsed.
std::vector<std::unique_ptr<grpc::Service>> MakeServices(const ServiceContext& context, uint32_t uid,
                                                         const CallRules& rules = {});

}  // namespace batuta::service
