#pragma once

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include <grpcpp/grpcpp.h>

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

// A token as it may stand in a header line: visible ASCII, at most 1,024 bytes. Anything else is no token.
bool IsTokenShaped(std::string_view text);

// Access of an interactive question.
inline hub::Access AccessOf(const Caller& caller) {
  return {.principal = caller.principal,
          .token = caller.token,
          .priority = Priority::kInteractive,
          .may_wait = false,
          .on_waiting = {}};
}

// UnaryReactor ends one unary call exactly once: with the answer, or before it when the caller cancels or the
// daemon stops. It owns itself until gRPC is done with the call.
class UnaryReactor final : public grpc::ServerUnaryReactor,
                           public OpenCall,
                           public std::enable_shared_from_this<UnaryReactor> {
 public:
  static std::shared_ptr<UnaryReactor> Begin(const ServiceContext& services);

  // True once: whoever gets it calls Finish(), and until then may write to the response.
  bool Claim() { return !is_claimed_.exchange(true); }

  // False once it has ended: no use to begin with the work.
  bool is_open() const { return !is_claimed_; }

  void Abort(const absl::Status& status) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  explicit UnaryReactor(const ServiceContext& services) : services_(services) {}

  const ServiceContext& services_;
  std::atomic<bool> is_claimed_ = false;
  std::shared_ptr<UnaryReactor> self_;
};

// A unary call being answered later, from any thread. Only the first answer counts, and a response is written
// to only by the one that does: it is gone when the call has ended early.
class UnaryCall {
 public:
  explicit UnaryCall(const ServiceContext& services) : reactor_(UnaryReactor::Begin(services)) {}

  grpc::ServerUnaryReactor* reactor() const { return reactor_.get(); }

  // False from the beginning when the call is one too many.
  bool is_open() const { return reactor_->is_open(); }

  // An error, or OK with the response as it is.
  void Finish(const absl::Status& status) const;

  // OK, after `encode()` has filled the response.
  template <typename Encode>
  void Answer(Encode encode) const {
    if (!reactor_->Claim()) return;
    encode();
    reactor_->Finish(grpc::Status::OK);
  }

  // OK when `result` holds a value, after `encode(*result)` has put it into the response.
  template <typename Result, typename Encode>
  void Finish(const absl::StatusOr<Result>& result, Encode encode) const {
    if (!result.ok()) return Finish(result.status());
    Answer([&result, &encode] { encode(*result); });
  }

 private:
  std::shared_ptr<UnaryReactor> reactor_;
};

}  // namespace batuta::service
