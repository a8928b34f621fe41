#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/impl/service_type.h>

#include "common/sync/task_runner.h"

namespace google::protobuf {
class Descriptor;
}  // namespace google::protobuf

namespace batuta::service {

// What a request may be before anybody takes it apart.
struct RequestLimits {
  uint64_t bytes = 0;
  uint64_t parts =
      0;  // fields, at any depth: each becomes an object, forty times as large as the two bytes it came as
};

// Those of a method of the API. Pure.
RequestLimits LimitsOf(std::string_view method);

// Whether `data`, a message of this type, has at most so many parts. One that is malformed has those that
// come before what is wrong with it. Pure.
bool HasAtMostParts(std::string_view data, const google::protobuf::Descriptor& type, uint64_t most);

// What holds for the calls of a user beside their size. `peer` is how gRPC names a connection. Each function
// may be empty; any thread.
struct CallRules {
  // A call was taken back before its request had come; it is still under way.
  std::function<void(std::string_view peer)> on_taken_back = {};
  // A call has come whose answer is one message or a stream; for how long it waits for its turn.
  std::function<Duration(std::string_view peer)> wait_for_turn = {};
  // Begins those that waited. Outlives the calls; set where `wait_for_turn` is.
  TaskRunner* timer = nullptr;
};

// MeasuredService offers the methods of a service of the API, and measures each request before it is parsed:
// one that is larger than the method can have any use for, or that would become far larger in memory, ends
// with
//   kInvalidArgument (INVALID_ARGUMENT).
// The messages of a stream of requests are not looked at: they are bounded by what the server takes at all.
class MeasuredService final : public grpc::Service {
 public:
  // `name` is the full one, e.g. "batuta.v1.JobService".
  MeasuredService(const std::string& name, std::unique_ptr<grpc::Service> service,
                  const CallRules& rules = {});

 private:
  std::unique_ptr<grpc::Service> service_;
  std::vector<std::unique_ptr<const std::string>> paths_;  // of the methods, which gRPC only points to
};

}  // namespace batuta::service
