#include <memory>
#include <optional>
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
    v1::Window* const out = response->add_windows();
    Encode(window, out);
    if (caller.principal.uid == 0) continue;
    // What other users run is theirs to know.
    for (v1::Spending& spending : *out->mutable_spending()) {
      if (spending.uid() != caller.principal.uid) spending.clear_tool();
    }
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

// One request of the caller's own on its way through the queue.
class Reserving final : public WatchStream<v1::ReserveResponse> {
 public:
  Reserving(const ServiceContext& services, budget::ReserveRequest request)
      : WatchStream(services), request_(std::move(request)) {}

 protected:
  absl::Status Subscribe() override {
    ear_ = std::make_shared<Ear>(*this);
    ASSIGN_OR_RETURN(id_, services().budget.Reserve(std::move(request_), ear_));
    return absl::OkStatus();
  }

  // One that was granted, but that its caller never heard of, is not lost.
  void Unsubscribe() override {
    ear_->stream = nullptr;
    if (!is_delivered_) services().budget.DropReservation(id_);
  }

  absl::StatusOr<Read> ReadNext(v1::ReserveResponse* response) override {
    RETURN_IF_ERROR(error_);
    if (is_told_) {
      is_delivered_ = true;
      return Read::kEnd;
    }
    if (granted_) {
      is_told_ = true;
      Encode(*granted_, response->mutable_granted());
      return Read::kMessage;
    }
    if (!waiting_) return Read::kNothingNew;
    Encode(*std::exchange(waiting_, std::nullopt), response->mutable_waiting());
    return Read::kMessage;
  }

 private:
  // The budget's handle on the stream, which may end first.
  struct Ear final : budget::ReservationHandler {
    explicit Ear(Reserving& of) : stream(&of) {}

    template <typename Change>
    void Tell(Change change) {
      if (stream == nullptr) return;
      change(*stream);
      stream->Changed();
    }

    void OnWaiting(const transport::WaitInfo& info) override {
      Tell([&](Reserving& self) { self.waiting_ = info; });
    }

    void OnGranted(const budget::Reservation& reservation) override {
      Tell([&](Reserving& self) { self.granted_ = reservation; });
    }

    void OnDone(const absl::Status& status) override {
      Tell([&](Reserving& self) { self.error_ = status; });
    }

    Reserving* stream;  // until it has ended
  };

  budget::ReserveRequest request_;
  std::shared_ptr<Ear> ear_;
  budget::TicketId id_ = 0;
  std::optional<transport::WaitInfo> waiting_;
  std::optional<budget::Reservation> granted_;
  absl::Status error_;
  bool is_told_ = false;
  bool is_delivered_ = false;
};

class GrpcBudgetService final : public v1::BudgetService::CallbackService {
 public:
  GrpcBudgetService(const ServiceContext& context, uint32_t uid) : context_(context), uid_(uid) {}

  grpc::ServerUnaryReactor* GetLimits(grpc::CallbackServerContext* context,
                                      const v1::GetLimitsRequest* /*request*/,
                                      v1::GetLimitsResponse* response) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    context_.core.Post([&budget = context_.budget, call, response, caller = CallerOf(uid_, *context)] {
      call.Answer([&] { EncodeWindows(budget, caller, response); });
    });
    return call.reactor();
  }

  grpc::ServerWriteReactor<v1::WatchLimitsResponse>* WatchLimits(
      grpc::CallbackServerContext* context, const v1::WatchLimitsRequest* /*request*/) override {
    return LimitsWatch::Begin<LimitsWatch>(context_, CallerOf(uid_, *context));
  }

  grpc::ServerWriteReactor<v1::ReserveResponse>* Reserve(grpc::CallbackServerContext* context,
                                                         const v1::ReserveRequest* request) override {
    absl::StatusOr<budget::ReserveRequest> decoded = DecodeReserve(*request);
    if (!decoded.ok()) {
      const auto stream = ListStream<v1::ReserveResponse>::Begin(context_);
      return stream->Fail(decoded.status()), stream.get();
    }
    Caller caller = CallerOf(uid_, *context);
    decoded->principal = std::move(caller.principal);
    decoded->token = std::move(caller.token);
    return Reserving::Begin<Reserving>(context_, *std::move(decoded));
  }

  grpc::ServerUnaryReactor* Settle(grpc::CallbackServerContext* context, const v1::SettleRequest* request,
                                   v1::SettleResponse* /*response*/) override {
    const UnaryCall call(context_);
    if (!call.is_open()) return call.reactor();
    absl::StatusOr<budget::ReportedAnswer> answer = DecodeSettle(*request);
    if (!answer.ok()) return call.Finish(answer.status()), call.reactor();
    context_.core.Post([&budget = context_.budget, call, answer = *std::move(answer),
                        id = request->reservation_id(), caller = CallerOf(uid_, *context)] {
      call.Finish(budget.SettleReservation(caller.principal, id, answer));
    });
    return call.reactor();
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
