#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "daemon/budget/admission.h"
#include "daemon/transport/http_transport.h"

namespace batuta::budget {

class BudgetedCall;

// Whoever has the calls: hears from them on the inner transport's thread, and puts it on the core sequence.
class CallOwner {
 public:
  virtual ~CallOwner() = default;

  // The head of the answer came, or the call ended without one.
  virtual void OnAnswer(const std::shared_ptr<BudgetedCall>& call, const Answer& answer) = 0;

  // The answer was a refusal that the handler did not see; it is over.
  virtual void OnRefused(const std::shared_ptr<BudgetedCall>& call) = 0;

  // The handler has heard the end.
  virtual void OnOver(transport::CallId id) = 0;
};

// BudgetedCall stands between one handler and the inner transport: it shows the budget each answer, and hides
// refusals from the handler. Without a window it only passes on.
class BudgetedCall final : public transport::HttpHandler, public std::enable_shared_from_this<BudgetedCall> {
 public:
  // What the core sequence knows of the call; touched there only.
  struct OnCore {
    Cost cost;
    Stamp stamp = 0;
    SteadyTime queued_at;
    bool is_cancelled = false;
  };

  // `clock` outlives the call's use of the inner transport.
  BudgetedCall(transport::CallId id, transport::HttpRequest request,
               std::shared_ptr<transport::HttpHandler> handler, std::optional<Cost> cost, const Clock& clock,
               std::weak_ptr<CallOwner> owner);

  transport::CallId id() const { return id_; }

  bool has_window() const { return has_window_; }

  const transport::HttpRequest& request() const { return request_; }

  OnCore& on_core() { return on_core_; }

  // Puts the request on the inner transport; again after a refusal.
  void Send(transport::HttpTransport& inner);

  // Reach the inner call, also when it is just being started. No effect when there is none.
  void CancelInner(transport::HttpTransport& inner);
  void ResumeInner(transport::HttpTransport& inner);

  // For the time before it is sent.
  void TellWaiting(const transport::WaitInfo& info) { handler_->OnWaiting(info); }

  void End(const absl::Status& status) { handler_->OnDone(status); }

  // HttpHandler:
  void OnHead(const transport::HttpHead& head) override;
  transport::DataResult OnData(std::span<const std::byte> bytes) override;
  void OnDone(const absl::Status& status) override;

  void OnSent(uint64_t bytes) override { handler_->OnSent(bytes); }

 private:
  bool MayBeSentAgain(const Answer& answer) const;

  const transport::CallId id_;
  transport::HttpRequest request_;
  const std::shared_ptr<transport::HttpHandler> handler_;
  const bool has_window_;
  const Clock& clock_;
  const std::weak_ptr<CallOwner> owner_;
  OnCore on_core_;

  // Of the present try; on the inner transport's thread, reset before it hears of the request.
  bool has_answer_ = false;
  bool is_refused_ = false;
  size_t swallowed_bytes_ = 0;

  Mutex mutex_;
  std::optional<transport::CallId> inner_id_ ABSL_GUARDED_BY(mutex_);
  bool wants_cancel_ ABSL_GUARDED_BY(mutex_) = false;
  bool wants_resume_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace batuta::budget
