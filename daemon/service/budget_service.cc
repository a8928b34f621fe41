#include <utility>

#include "batuta/v1/budget_service.grpc.pb.h"

#include "daemon/service/call.h"
#include "daemon/service/codec.h"
#include "daemon/service/services.h"
#include "daemon/service/streams.h"

namespace batuta::service {

namespace {

// Core sequence. The windows of the caller's own token and the anonymous ones; root sees all.
template <typename Response>
void EncodeWindows(const budget::BudgetedTransport& budget, const Caller& caller, Response* response) {
  const std::string own = budget.IdentityOf(caller.token);
  const std::string anonymous = budget.IdentityOf(Secret());
  for (const budget::WindowView& window : budget.Windows()) {
    if (caller.principal.uid != 0 && window.identity != own && window.identity != anonymous) continue;
    Encode(window, response->add_windows());
  }
}

class LimitsWatch final : public WatchStream<v1::WatchLimitsResponse> {
 public:
  LimitsWatch(const ServiceContext& services, Caller caller)
      : WatchStream(services), caller_(std::move(caller)) {}

 protected:
  absl::Status Subscribe() override {
    observer_ = services().budget.Observe([this] {
      has_news_ = true;
      Changed();
    });
    return absl::OkStatus();
  }

  void Unsubscribe() override { services().budget.Unobserve(observer_); }

  absl::StatusOr<Read> ReadNext(v1::WatchLimitsResponse* response) override {
    if (!std::exchange(has_news_, false)) return Read::kNothingNew;
    EncodeWindows(services().budget, caller_, response);
    return Read::kMessage;
  }

 private:
  const Caller caller_;
  uint64_t observer_ = 0;
  bool has_news_ = true;  // the first message shows what is
};

class GrpcBudgetService final : public v1::BudgetService::CallbackService {
 public:
  GrpcBudgetService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerUnaryReactor* GetLimits(grpc::CallbackServerContext* context,
                                      const v1::GetLimitsRequest* /*request*/,
                                      v1::GetLimitsResponse* response) override {
    const UnaryCall call(context_);
    context_.core.Post([&budget = context_.budget, call, response, caller = CallerOf(uid_, *context)] {
      call.Answer([&] { EncodeWindows(budget, caller, response); });
    });
    return call.reactor();
  }

  grpc::ServerWriteReactor<v1::WatchLimitsResponse>* WatchLimits(
      grpc::CallbackServerContext* context, const v1::WatchLimitsRequest* /*request*/) override {
    return LimitsWatch::Begin<LimitsWatch>(context_, CallerOf(uid_, *context));
  }

 private:
  const ServiceContext& context_;
  const uint32_t uid_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeBudgetService(const ServiceContext& context, uint32_t uid) {
  return std::make_unique<GrpcBudgetService>(context, uid);
}

}  // namespace batuta::service
