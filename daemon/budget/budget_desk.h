#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "common/sync/sequence.h"
#include "common/time/clock.h"
#include "daemon/budget/admission.h"
#include "daemon/budget/budgeted_call.h"
#include "daemon/budget/budgeted_transport.h"
#include "daemon/budget/reservation.h"
#include "daemon/budget/window_keeper.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::budget {

using CallPtr = std::shared_ptr<BudgetedCall>;

// BudgetDesk is all that the transport knows. Posted tasks and the calls on the wire hold it weakly, so that
// it may go first.
class BudgetDesk final : public CallOwner, public std::enable_shared_from_this<BudgetDesk> {
 public:
  BudgetDesk(BudgetOptions options, transport::HttpTransport& inner, Sequence& core, const Clock& clock,
             metadata::MetadataStore& store);

  // Any thread.
  transport::CallId Start(transport::HttpRequest request, std::shared_ptr<transport::HttpHandler> handler);
  void Cancel(transport::CallId id);
  void Resume(transport::CallId id);

  std::string Identity(const Secret& token) const;

  // Core sequence.
  void CancelWaiting();
  std::vector<WindowView> Windows() const;
  absl::StatusOr<TicketId> Reserve(ReserveRequest request, std::shared_ptr<ReservationHandler> handler);
  absl::Status SettleReservation(const Principal& principal, TicketId id, const ReportedAnswer& answer);
  void DropReservation(TicketId id);
  uint64_t Observe(std::function<void()> changed);
  void Unobserve(uint64_t id);

  // CallOwner, on the inner transport's thread:
  void OnAnswer(const CallPtr& call, const Answer& answer) override;
  void OnRefused(const CallPtr& call) override;
  void OnOver(transport::CallId id) override;

 private:
  template <typename Method>
  void PostToCore(Method method) {
    core_.Post([weak = weak_from_this(), method = std::move(method)]() mutable {
      if (const std::shared_ptr<BudgetDesk> self = weak.lock()) self->RunOnCore(method);
    });
  }

  template <typename Method>
  void PostToCoreAfter(Duration delay, Method method) {
    core_.PostAfter(delay, [weak = weak_from_this(), method = std::move(method)]() mutable {
      if (const std::shared_ptr<BudgetDesk> self = weak.lock()) self->RunOnCore(method);
    });
  }

  template <typename Method>
  void RunOnCore(Method& method) {
    core_.AssertCurrent();
    method(*this);
  }

  void EnqueueOnCore(const CallPtr& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void RequeueOnCore(const CallPtr& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void CancelOnCore(const CallPtr& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void SettleOnCore(const CallPtr& call, const Answer& answer, SteadyTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  Admission::Settlement Settle(const Cost& cost, Stamp stamp, const Answer& answer, SteadyTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void NoteWait(BudgetedCall& call) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void SendAdmitted(const Admission::Decision::Sent& sent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Refuse(TicketId id, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void TellWaiting(TicketId id, const transport::WaitInfo& info) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void EndReservation(TicketId id, const Answer& answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void ScheduleWake(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void ScheduleSave(bool is_urgent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void Save() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void NoteChange() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void TellObservers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_);
  void End(const CallPtr& call, const absl::Status& status);
  absl::Status Refusal(const Admission::Decision::Held& held, SteadyTime now) const;
  CallPtr Find(transport::CallId id);

  std::optional<Cost> CostOf(transport::HttpMethod method, const std::string& url, const Secret& token) const;
  static Ticket TicketOf(BudgetedCall& call);

  const BudgetOptions options_;
  transport::HttpTransport& inner_;
  Sequence& core_;
  const Clock& clock_;
  std::atomic<transport::CallId> next_id_{1};

  Mutex mutex_;
  std::unordered_map<transport::CallId, CallPtr> calls_ ABSL_GUARDED_BY(mutex_);

  Admission admission_ ABSL_GUARDED_BY(core_);
  Reservations reservations_ ABSL_GUARDED_BY(core_);
  WindowKeeper keeper_ ABSL_GUARDED_BY(core_);
  bool is_saving_soon_ ABSL_GUARDED_BY(core_) = false;
  std::optional<SteadyTime> wake_ ABSL_GUARDED_BY(core_);
  std::map<uint64_t, std::function<void()>> observers_ ABSL_GUARDED_BY(core_);
  uint64_t next_observer_ ABSL_GUARDED_BY(core_) = 1;
  bool is_telling_soon_ ABSL_GUARDED_BY(core_) = false;
  SteadyTime told_at_ ABSL_GUARDED_BY(core_);
};

}  // namespace batuta::budget
