#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include <grpcpp/grpcpp.h>

#include "common/rpc/status_codec.h"
#include "daemon/service/service_context.h"

// What every service method does besides its own four lines: who calls, count the call, finish it.
namespace batuta::service {

// The caller as the kernel and the call's metadata name him. The token is checked for shape only.
struct Caller {
  Principal principal;
  Secret token;
};

// `uid` is the peer's, proven by the kernel when the connection was made.
Caller CallerOf(uint32_t uid, const grpc::CallbackServerContext& context);

// Access of an interactive question.
inline hub::Access AccessOf(const Caller& caller) {
  return {.principal = caller.principal,
          .token = caller.token,
          .priority = Priority::kInteractive,
          .may_wait = false,
          .on_waiting = {}};
}

// A unary call being answered later, from any thread, once.
class UnaryCall {
 public:
  UnaryCall(const ServiceContext& services, grpc::CallbackServerContext* context)
      : services_(services), reactor_(context->DefaultReactor()) {
    services_.calls.Begin();
  }

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }

  void Finish(const absl::Status& status) const {
    services_.calls.End(services_.clock.steady());
    reactor_->Finish(ToGrpcStatus(status));
  }

  // OK when `result` holds a value, after `encode` has put it into the response.
  template <typename Result, typename Encode>
  void Finish(const absl::StatusOr<Result>& result, Encode encode) const {
    if (result.ok()) encode(*result);
    Finish(result.status());
  }

 private:
  const ServiceContext& services_;
  grpc::ServerUnaryReactor* reactor_;
};

}  // namespace batuta::service
