// The floor of a question over the socket: answers Resolve at once, always with the same place, from the same
// gRPC and the same kind of service as the daemon's. What resolve_load sees beyond it is the daemon's to
// answer for.
//   empty_server SOCKET        ends when its standard input does

#include <cstdio>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "batuta/v1/cache_service.grpc.pb.h"

namespace {

class Service final : public batuta::v1::CacheService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Resolve(grpc::CallbackServerContext* context,
                                    const batuta::v1::ResolveRequest* /*request*/,
                                    batuta::v1::ResolveResponse* response) override {
    response->set_path("/dev/shm/cache/models--acme-00--otter-00000/snapshots/" + std::string(40, '0') +
                       "/model-00001-of-00048.safetensors");
    response->set_commit(std::string(40, '0'));
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: empty_server SOCKET\n");
    return 2;
  }
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("unix:") + argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::printf("ready\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server->Shutdown();
  return 0;
}
