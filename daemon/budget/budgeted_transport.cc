#include "daemon/budget/budgeted_transport.h"

#include <utility>

#include "daemon/budget/budget_desk.h"

namespace batuta::budget {

using transport::CallId;
using transport::HttpHandler;
using transport::HttpRequest;

namespace {

class DeskedTransport final : public BudgetedTransport {
 public:
  DeskedTransport(std::shared_ptr<BudgetDesk> desk, Sequence& core) : desk_(std::move(desk)), core_(core) {}

  DeskedTransport(const DeskedTransport&) = delete;
  DeskedTransport& operator=(const DeskedTransport&) = delete;

  ~DeskedTransport() override {
    core_.Post([desk = std::move(desk_)] { desk->CancelWaiting(); });
  }

  CallId Start(HttpRequest request, std::shared_ptr<HttpHandler> handler) override {
    return desk_->Start(std::move(request), std::move(handler));
  }

  void Cancel(CallId call) override { desk_->Cancel(call); }

  void Resume(CallId call) override { desk_->Resume(call); }

  std::vector<WindowView> Windows() const override { return desk_->Windows(); }

  std::string IdentityOf(const Secret& token) const override { return desk_->Identity(token); }

  absl::StatusOr<TicketId> Reserve(ReserveRequest request,
                                   std::shared_ptr<ReservationHandler> handler) override {
    return desk_->Reserve(std::move(request), std::move(handler));
  }

  absl::Status SettleReservation(const Principal& principal, TicketId id,
                                 const ReportedAnswer& answer) override {
    return desk_->SettleReservation(principal, id, answer);
  }

  void DropReservation(TicketId id) override { desk_->DropReservation(id); }

  uint64_t Observe(std::function<void()> changed) override { return desk_->Observe(std::move(changed)); }

  void Unobserve(uint64_t id) override { desk_->Unobserve(id); }

 private:
  std::shared_ptr<BudgetDesk> desk_;
  Sequence& core_;
};

}  // namespace

std::unique_ptr<BudgetedTransport> BudgetedTransport::Create(BudgetOptions options, HttpTransport& inner,
                                                             Sequence& core, const Clock& clock,
                                                             metadata::MetadataStore& store) {
  auto desk = std::make_shared<BudgetDesk>(std::move(options), inner, core, clock, store);
  return std::make_unique<DeskedTransport>(std::move(desk), core);
}

}  // namespace batuta::budget
