#include "daemon/service/services.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

namespace batuta::service {

std::vector<std::unique_ptr<grpc::Service>> MakeServices(const ServiceContext& context, uint32_t uid) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(MakeHubService(context, uid));
  services.push_back(MakeJobService(context, uid));
  services.push_back(MakeCacheService(context, uid));
  services.push_back(MakeBudgetService(context, uid));
  services.push_back(MakeFitService(context, uid));
  services.push_back(MakePushService(context, uid));
  services.push_back(MakeDaemonService(context, uid));
  return services;
}

}  // namespace batuta::service
