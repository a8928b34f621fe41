#include "daemon/budget/budget_desk.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/url.h"
#include "daemon/budget/identity.h"
#include "daemon/metrics/daemon_metrics.h"

namespace batuta::budget {

using transport::CallId;
using transport::HttpHandler;
using transport::HttpRequest;
using transport::HttpTransport;

namespace {

constexpr std::chrono::milliseconds kSaveEvery{1000};
constexpr std::chrono::milliseconds kTellObserversEvery{250};

absl::Status Cancelled() {
  return MakeError(absl::StatusCode::kCancelled, reason::kCancelled, "the request was cancelled");
}

absl::Status TooManyWait(size_t count) {
  return MakeError(absl::StatusCode::kResourceExhausted, reason::kDaemonBusy,
                   fmt::format("{} requests wait for the hub's rate limit already", count),
                   "`batuta hf limits` shows the windows; try again when some of the work is done");
}

std::string NameOf(const WindowKey& window, const std::string& endpoint) {
  return fmt::format("{} of {} at {}", ToString(window.kind), window.identity, endpoint);
}

// Good enough to spread requests, and small enough to live inside the function.
std::function<double()> OwnGenerator() {
  return [engine = std::minstd_rand(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
  };
}

AdmissionOptions OptionsOf(const BudgetOptions& options) {
  const auto first_quota = [anonymous = options.anonymous,
                            authenticated = options.authenticated](const WindowKey& key) {
    const Quotas& quotas = key.identity == "anonymous" ? anonymous : authenticated;
    switch (key.kind) {
      case WindowKind::kApi:
        return quotas.api;
      case WindowKind::kResolvers:
        return quotas.resolvers;
      case WindowKind::kPages:
        return quotas.pages;
      case WindowKind::kCommits:
      case WindowKind::kRepoCreations:
        break;
    }
    return WindowLedger::kLargestQuota;  // nobody publishes it
  };
  return {.first_quota = first_quota,
          .length = options.window,
          .interactive_share = options.interactive_share,
          .max_waiting = options.max_waiting,
          .random = options.random ? options.random : OwnGenerator()};
}

}  // namespace

BudgetDesk::BudgetDesk(BudgetOptions options, HttpTransport& inner, Sequence& core, const Clock& clock,
                       metadata::MetadataStore& store)
    : options_(std::move(options)),
      inner_(inner),
      core_(core),
      clock_(clock),
      admission_(OptionsOf(options_)),
      keeper_(options_.endpoint, store) {
  for (const WindowKind kind : kWindowKinds) {
    if (!IsOfOneAction(kind)) admission_.Touch({"anonymous", kind});
  }
  keeper_.Load(admission_, clock_.steady(), clock_.wall());
}

std::string BudgetDesk::Identity(const Secret& token) const {
  return IdentityOf(options_.salt, token);
}

std::optional<Cost> BudgetDesk::CostOf(transport::HttpMethod method, const std::string& url,
                                       const Secret& token) const {
  const std::optional<WindowKind> kind = KindOf(options_.endpoint, url);
  if (!kind) return std::nullopt;
  return Cost{{Identity(token), *kind}, ActionOf(options_.endpoint, method, url)};
}

Ticket BudgetDesk::TicketOf(BudgetedCall& call) {
  return {.id = call.id(),
          .cost = call.on_core().cost,
          .principal = call.request().principal,
          .job = call.request().job,
          .priority = call.request().priority,
          .may_wait = call.request().may_wait};
}

CallPtr BudgetDesk::Find(CallId id) {
  MutexLock lock(mutex_);
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second;
}

CallId BudgetDesk::Start(HttpRequest request, std::shared_ptr<HttpHandler> handler) {
  const CallId id = next_id_.fetch_add(1);
  std::optional<Cost> cost = CostOf(request.method, request.url, request.bearer);
  const bool has_window = cost.has_value();
  auto call = std::make_shared<BudgetedCall>(id, std::move(request), std::move(handler), std::move(cost),
                                             clock_, weak_from_this());
  {
    MutexLock lock(mutex_);
    calls_.emplace(id, call);
  }
  if (has_window) {
    PostToCore([call](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS { self.EnqueueOnCore(call); });
  } else {
    call->Send(inner_);
  }
  return id;
}

void BudgetDesk::Cancel(CallId id) {
  const CallPtr call = Find(id);
  if (!call) return;
  if (call->has_window()) {
    PostToCore([call](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS { self.CancelOnCore(call); });
  } else {
    call->CancelInner(inner_);
  }
}

void BudgetDesk::Resume(CallId id) {
  // Straight to the wire: a paused answer must not wait for the core sequence.
  if (const CallPtr call = Find(id)) call->ResumeInner(inner_);
}

void BudgetDesk::OnAnswer(const CallPtr& call, const Answer& answer) {
  PostToCore([call, answer, now = clock_.steady()](BudgetDesk& self)
                 ABSL_NO_THREAD_SAFETY_ANALYSIS { self.SettleOnCore(call, answer, now); });
}

void BudgetDesk::OnRefused(const CallPtr& call) {
  PostToCore([call](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS { self.RequeueOnCore(call); });
}

void BudgetDesk::OnOver(CallId id) {
  MutexLock lock(mutex_);
  calls_.erase(id);
}

void BudgetDesk::End(const CallPtr& call, const absl::Status& status) {
  OnOver(call->id());
  call->End(status);
}

void BudgetDesk::EnqueueOnCore(const CallPtr& call) {
  call->on_core().queued_at = clock_.steady();
  if (!admission_.Enqueue(TicketOf(*call))) return End(call, TooManyWait(admission_.waiting()));
  Pump();
}

void BudgetDesk::RequeueOnCore(const CallPtr& call) {
  if (call->on_core().is_cancelled) {
    End(call, Cancelled());
    return;
  }
  call->on_core().queued_at = clock_.steady();
  admission_.Requeue(TicketOf(*call));
  Pump();
}

void BudgetDesk::CancelOnCore(const CallPtr& call) {
  if (admission_.Remove(call->id())) {
    End(call, Cancelled());
    NoteChange();
    return;
  }
  // On the wire, or refused and on its way back here.
  call->on_core().is_cancelled = true;
  call->CancelInner(inner_);
}

void BudgetDesk::SettleOnCore(const CallPtr& call, const Answer& answer, SteadyTime now) {
  BudgetedCall::OnCore& known = call->on_core();
  const Admission::Settlement settlement = Settle(known.cost, known.stamp, answer, now);
  // From here on it belongs to the bucket that the server named: there it waits if it was refused.
  if (!IsOfOneAction(settlement.window.kind)) known.cost.window = settlement.window;
  Pump();
}

Admission::Settlement BudgetDesk::Settle(const Cost& cost, Stamp stamp, const Answer& answer,
                                         SteadyTime now) {
  Admission::Settlement settlement = admission_.Settle(cost, stamp, answer, now);
  keeper_.MarkChanged(cost.window);
  keeper_.MarkChanged(settlement.window);
  if (settlement.has_closed) {
    LogInfo("the hub asks to wait", Field("window", NameOf(settlement.window, options_.endpoint)),
            Field("status", answer.status));
  }
  ScheduleSave(settlement.has_closed || settlement.is_scarce);
  return settlement;
}

absl::StatusOr<TicketId> BudgetDesk::Reserve(ReserveRequest request,
                                             std::shared_ptr<ReservationHandler> handler) {
  core_.AssertCurrent();
  const std::optional<Cost> cost = CostOf(request.method, request.url, request.token);
  if (!cost) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     fmt::format("{} is not on {}: its requests are not counted", WithoutQuery(request.url),
                                 options_.endpoint),
                     "send it without asking, or ask for a URL of the hub");
  }
  Ticket ticket{.id = next_id_.fetch_add(1),
                .cost = *cost,
                .principal = std::move(request.principal),
                .job = "reservations",  // urgent or not, they are no single question of a person
                .priority = request.priority,
                .may_wait = request.may_wait};
  if (!admission_.Enqueue(ticket)) return TooManyWait(admission_.waiting());
  const TicketId id = ticket.id;
  reservations_.Add(std::move(ticket), std::move(handler));
  PostToCore([](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS { self.Pump(); });
  return id;
}

absl::Status BudgetDesk::SettleReservation(const Principal& principal, TicketId id,
                                           const ReportedAnswer& answer) {
  core_.AssertCurrent();
  const Reservations::Entry* const entry = reservations_.Find(id);
  if (entry == nullptr || entry->handler != nullptr || entry->ticket.principal.uid != principal.uid) {
    return MakeError(absl::StatusCode::kNotFound, reason::kReservationNotFound,
                     fmt::format("there is no granted reservation {}", id),
                     "each is settled once, within a minute; one that expired has been counted as spent");
  }
  EndReservation(id, AnswerOf(answer, clock_.wall()));
  return absl::OkStatus();
}

void BudgetDesk::DropReservation(TicketId id) {
  core_.AssertCurrent();
  if (admission_.Remove(id)) {
    reservations_.Take(id);
    NoteChange();
    return;
  }
  Answer unused;
  unused.never_sent = true;
  EndReservation(id, unused);
}

void BudgetDesk::EndReservation(TicketId id, const Answer& answer) {
  const std::optional<Reservations::Entry> entry = reservations_.Take(id);
  if (!entry) return;
  Settle(entry->ticket.cost, entry->stamp, answer, clock_.steady());
  PostToCore([](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS { self.Pump(); });
}

void BudgetDesk::CancelWaiting() {
  core_.AssertCurrent();
  std::vector<CallPtr> all;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, call] : calls_) all.push_back(call);
  }
  for (const CallPtr& call : all) {
    if (admission_.Remove(call->id())) End(call, Cancelled());
  }
  for (const TicketId id : reservations_.Waiting()) {
    admission_.Remove(id);
    reservations_.Take(id)->handler->OnDone(Cancelled());
  }
}

absl::Status BudgetDesk::Refusal(const Admission::Decision::Held& held, SteadyTime now) const {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(held.until - now, Duration::zero()));
  const std::string message = fmt::format(
      "{} ({}); free again in {}", held.is_hub_busy ? "the hub is busy" : "the hub's rate limit is used up",
      NameOf(held.window, options_.endpoint), FormatDuration(left));
  const std::string_view hint = held.window.identity == "anonymous"
                                    ? "run it without `--no-wait`, or log in: a token has a larger limit"
                                    : "run it without `--no-wait`, and it goes on by itself then";
  return WithRetryAfter(
      MakeError(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited, message, hint), left);
}

void BudgetDesk::NoteWait(BudgetedCall& call) const {
  if (options_.metrics == nullptr) return;
  const BudgetedCall::OnCore& known = call.on_core();
  const std::chrono::duration<double> waited = clock_.steady() - known.queued_at;
  options_.metrics->budget_seconds.Of({ToString(known.cost.window.kind)}).Observe(waited.count());
}

void BudgetDesk::SendAdmitted(const Admission::Decision::Sent& sent) {
  if (const CallPtr call = Find(sent.id)) {
    call->on_core().stamp = sent.stamp;
    NoteWait(*call);
    call->Send(inner_);
    return;
  }
  const Reservation reservation{.id = sent.id,
                                .window = reservations_.Find(sent.id)->ticket.cost.window,
                                .expires_at = clock_.wall() + Reservation::kLife};
  reservations_.Grant(sent.id, sent.stamp)->OnGranted(reservation);
  // Nobody knows whether it was sent: it counts.
  PostToCoreAfter(Reservation::kLife, [id = sent.id](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    self.EndReservation(id, Answer());
  });
}

void BudgetDesk::Refuse(TicketId id, const absl::Status& status) {
  if (const CallPtr call = Find(id)) return End(call, status);
  reservations_.Take(id)->handler->OnDone(status);
}

void BudgetDesk::TellWaiting(TicketId id, const transport::WaitInfo& info) {
  if (const CallPtr call = Find(id)) return call->TellWaiting(info);
  reservations_.Find(id)->handler->OnWaiting(info);
}

void BudgetDesk::Pump() {
  const SteadyTime now = clock_.steady();
  const Admission::Decision decision = admission_.Admit(now);
  for (const Admission::Decision::Sent& sent : decision.send) SendAdmitted(sent);
  for (const Admission::Decision::Held& held : decision.refuse) Refuse(held.id, Refusal(held, now));
  for (const Admission::Decision::Held& held : decision.tell) {
    const auto left =
        std::chrono::duration_cast<WallTime::duration>(std::max(held.until - now, Duration::zero()));
    TellWaiting(held.id, {.reason = held.is_hub_busy ? "the hub is busy" : "rate limit",
                          .window = NameOf(held.window, options_.endpoint),
                          .until = clock_.wall() + left});
  }
  ScheduleWake(now);
  NoteChange();
}

void BudgetDesk::ScheduleWake(SteadyTime now) {
  const std::optional<SteadyTime> next = admission_.NextWake();
  if (!next || (wake_ && *wake_ <= *next)) return;
  wake_ = *next;
  PostToCoreAfter(std::max(*next - now, Duration::zero()),
                  [at = *next](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                    if (self.wake_ != at) return;  // an earlier one took its place
                    self.wake_.reset();
                    self.Pump();
                  });
}

void BudgetDesk::ScheduleSave(bool is_urgent) {
  if (is_urgent) {
    Save();
  } else if (!std::exchange(is_saving_soon_, true)) {
    PostToCoreAfter(kSaveEvery, [](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      self.is_saving_soon_ = false;
      if (self.keeper_.has_changes()) self.Save();
    });
  }
}

void BudgetDesk::Save() {
  keeper_.Save(admission_, clock_.steady(), clock_.wall());
}

void BudgetDesk::NoteChange() {
  if (observers_.empty() || std::exchange(is_telling_soon_, true)) return;
  const Duration since = clock_.steady() - told_at_;
  PostToCoreAfter(std::max<Duration>(kTellObserversEvery - since, Duration::zero()),
                  [](BudgetDesk& self) ABSL_NO_THREAD_SAFETY_ANALYSIS { self.TellObservers(); });
}

void BudgetDesk::TellObservers() {
  is_telling_soon_ = false;
  told_at_ = clock_.steady();
  // Over a copy: an observer may leave, or bring another, while it is told.
  const std::map<uint64_t, std::function<void()>> observers = observers_;
  for (const auto& [id, changed] : observers) {
    if (observers_.contains(id)) changed();
  }
}

std::vector<WindowView> BudgetDesk::Windows() const {
  core_.AssertCurrent();
  const SteadyTime now = clock_.steady();
  const WallTime wall_now = clock_.wall();
  std::vector<WindowView> views;
  for (const Admission::Status& status : admission_.Windows(now)) {
    views.push_back({.endpoint = options_.endpoint,
                     .identity = status.key.identity,
                     .kind = status.key.kind,
                     .state = StateAt(status, now, wall_now),
                     .is_scarce = status.is_scarce,
                     .waiting = static_cast<uint32_t>(std::min<size_t>(status.waiting, UINT32_MAX)),
                     .spending = status.spending});
  }
  return views;
}

uint64_t BudgetDesk::Observe(std::function<void()> changed) {
  core_.AssertCurrent();
  observers_.emplace(next_observer_, std::move(changed));
  return next_observer_++;
}

void BudgetDesk::Unobserve(uint64_t id) {
  core_.AssertCurrent();
  observers_.erase(id);
}

}  // namespace batuta::budget
