#include "daemon/service/services.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

namespace batuta::service {

std::vector<std::unique_ptr<grpc::Service>> MakeServices(const ServiceContext& context, uint32_t uid,
                                                         const CallRules& rules) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  const auto add = [&](std::string_view name, std::unique_ptr<grpc::Service> service) {
    services.push_back(
        std::make_unique<MeasuredService>(fmt::format("batuta.v1.{}", name), std::move(service), rules));
  };
  add("HubService", MakeHubService(context, uid));
  add("JobService", MakeJobService(context, uid));
  add("CacheService", MakeCacheService(context, uid));
  add("BudgetService", MakeBudgetService(context, uid));
  add("FitService", MakeFitService(context, uid));
  add("PushService", MakePushService(context, uid));
  add("DaemonService", MakeDaemonService(context, uid));
  return services;
}

}  // namespace batuta::service
