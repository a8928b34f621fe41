// The smallest gRPC client of the daemon: one channel, one call, no more. What `batuta` takes beyond it is
// ours to answer for.

#include <cstdio>

#include <grpcpp/grpcpp.h>

#include "batuta/v1/daemon_service.grpc.pb.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bare_client SOCKET\n");
    return 2;
  }
  const auto channel =
      grpc::CreateChannel(std::string("unix:") + argv[1], grpc::InsecureChannelCredentials());
  const auto stub = batuta::v1::DaemonService::NewStub(channel);
  grpc::ClientContext context;
  batuta::v1::GetStatusResponse response;
  const grpc::Status status = stub->GetStatus(&context, {}, &response);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error_message().c_str());
  return status.ok() ? 0 : 1;
}
