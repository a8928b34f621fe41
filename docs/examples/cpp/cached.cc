// Tells which daemon answers and which repos it has cached: cached [SOCKET]
//
//   cmake -B build && cmake --build build
//   g++ -std=c++17 cached.cc -o cached $(pkg-config --cflags --libs batuta-client)
#include <iostream>
#include <string>

#include <grpcpp/grpcpp.h>

#include "batuta/v1/cache_service.grpc.pb.h"
#include "batuta/v1/daemon_service.grpc.pb.h"

namespace v1 = batuta::v1;

int main(int argc, char** argv) {
  const std::string socket = argc > 1 ? argv[1] : "/run/batuta/batutad.sock";
  const auto channel = grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials());

  v1::GetStatusResponse daemon;
  grpc::ClientContext first;
  grpc::Status status = v1::DaemonService::NewStub(channel)->GetStatus(&first, {}, &daemon);
  if (status.ok()) {
    std::cout << "batutad " << daemon.version() << " for " << daemon.endpoint() << "\n";
    v1::ListReposResponse cached;
    grpc::ClientContext second;
    status = v1::CacheService::NewStub(channel)->ListRepos(&second, {}, &cached);
    for (const v1::CachedRepo& repo : cached.repos()) std::cout << repo.repo().id() << "\n";
  }
  if (!status.ok()) std::cerr << socket << ": " << status.error_message() << "\n";
  return status.ok() ? 0 : 1;
}
