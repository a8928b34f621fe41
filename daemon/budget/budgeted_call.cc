#include "daemon/budget/budgeted_call.h"

#include "absl/status/status.h"

namespace batuta::budget {

using transport::CallId;
using transport::DataResult;
using transport::HttpHead;
using transport::HttpMethod;
using transport::HttpRequest;
using transport::HttpTransport;

namespace {

// The body of a refusal is read to its end, so that the connection lives on, but not for ever.
constexpr size_t kSwallowBytes = 64 * 1024;

}  // namespace

BudgetedCall::BudgetedCall(CallId id, HttpRequest request, std::shared_ptr<transport::HttpHandler> handler,
                           std::optional<Cost> cost, const Clock& clock, std::weak_ptr<CallOwner> owner)
    : id_(id),
      request_(std::move(request)),
      handler_(std::move(handler)),
      has_window_(cost.has_value()),
      clock_(clock),
      owner_(std::move(owner)) {
  if (cost) on_core_.cost = *std::move(cost);
}

void BudgetedCall::Send(HttpTransport& inner) {
  has_answer_ = false;
  is_refused_ = false;
  swallowed_bytes_ = 0;
  {
    MutexLock lock(mutex_);
    inner_id_.reset();
    wants_resume_ = false;
  }
  // What passes without a window is sent once; the rest may have to be sent again.
  const CallId id = inner.Start(has_window_ ? request_ : std::move(request_), shared_from_this());
  bool cancels = false;
  bool resumes = false;
  {
    MutexLock lock(mutex_);
    inner_id_ = id;
    cancels = wants_cancel_;
    resumes = wants_resume_;
  }
  if (cancels) inner.Cancel(id);
  if (resumes) inner.Resume(id);
}

void BudgetedCall::CancelInner(HttpTransport& inner) {
  std::optional<CallId> id;
  {
    MutexLock lock(mutex_);
    wants_cancel_ = true;
    id = inner_id_;
  }
  if (id) inner.Cancel(*id);
}

void BudgetedCall::ResumeInner(HttpTransport& inner) {
  std::optional<CallId> id;
  {
    MutexLock lock(mutex_);
    wants_resume_ = true;
    id = inner_id_;
  }
  if (id) inner.Resume(*id);
}

bool BudgetedCall::MayBeSentAgain(const Answer& answer) const {
  if (answer.status == 429) return true;
  return request_.method != HttpMethod::kPost && request_.method != HttpMethod::kDelete;
}

void BudgetedCall::OnHead(const HttpHead& head) {
  const std::shared_ptr<CallOwner> owner = has_window_ ? owner_.lock() : nullptr;
  if (owner) {
    const Answer answer = AnswerOf(head, clock_.wall());
    has_answer_ = true;
    is_refused_ = answer.IsRefusal() && MayBeSentAgain(answer);
    owner->OnAnswer(shared_from_this(), answer);
  }
  if (!is_refused_) handler_->OnHead(head);
}

DataResult BudgetedCall::OnData(std::span<const std::byte> bytes) {
  if (!is_refused_) return handler_->OnData(bytes);
  swallowed_bytes_ += bytes.size();
  return swallowed_bytes_ > kSwallowBytes ? DataResult::kStop : DataResult::kContinue;
}

void BudgetedCall::OnDone(const absl::Status& status) {
  const std::shared_ptr<CallOwner> owner = owner_.lock();
  if (owner && has_window_ && !has_answer_) {
    owner->OnAnswer(shared_from_this(), Answer{.status = 0,
                                               .never_sent = transport::NeverSent(status),
                                               .limit = std::nullopt,
                                               .retry_after = std::nullopt});
  }
  // A refusal whose body broke off is a refusal all the same; a cancelled call is over.
  if (owner && is_refused_ && !absl::IsCancelled(status)) {
    owner->OnRefused(shared_from_this());
    return;
  }
  if (owner) owner->OnOver(id_);
  handler_->OnDone(status);
}

}  // namespace batuta::budget
