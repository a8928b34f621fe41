#pragma once

#include <grpcpp/grpcpp.h>

#include "batuta/v1/cache_service.pb.h"

#include "daemon/service/service_context.h"

namespace batuta::service {

// Begins to answer an Import: one message at a time is read and dealt with on the disk pool, so that a client
// is never read faster than the disk writes. `who` has sent it. Owns itself until gRPC is done with the call.
grpc::ServerReadReactor<v1::ImportRequest>* BeginImport(const ServiceContext& services, Principal who,
                                                        v1::ImportResponse* response);

}  // namespace batuta::service
