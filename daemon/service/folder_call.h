#pragma once

#include <grpcpp/grpcpp.h>

#include "batuta/v1/push_service.pb.h"

#include "daemon/service/call.h"
#include "daemon/service/service_context.h"

namespace batuta::service {

// Begins to answer a ServeFolder: the caller serves a folder, which pushes find in ServedFolders until the
// call ends. Owns itself until gRPC is done with the call.
grpc::ServerBidiReactor<grpc::ByteBuffer, v1::ServeFolderResponse>* BeginServeFolder(
    const ServiceContext& services, Caller caller);

}  // namespace batuta::service
