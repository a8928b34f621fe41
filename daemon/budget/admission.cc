#include "daemon/budget/admission.h"

#include <algorithm>
#include <set>
#include <utility>

namespace batuta::budget {
namespace {

// Changes of a time of waiting below this are not worth a message.
constexpr std::chrono::seconds kSameTime{1};

bool IsSame(const std::optional<SteadyTime>& a, SteadyTime b) {
  return a && *a <= b + kSameTime && b <= *a + kSameTime;
}

std::optional<SteadyTime> Earlier(const std::optional<SteadyTime>& a, const std::optional<SteadyTime>& b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// Principals that are told apart in one window. Tools choose their own names: what comes beyond is one
// principal a user.
constexpr size_t kMostPrincipals = 1'000;

// Of an equal part, with one place kept for a newcomer.
constexpr size_t kFewestShares = 2;

// What a person asks, one at a time, whatever his jobs have had.
bool IsQuestion(Priority priority, const std::string& job) {
  return priority == Priority::kInteractive && job.empty();
}

// The window that the server named. None that the request does not wait for when it comes again: that would
// be at once, and the server can name what it likes.
std::optional<WindowKind> NamedIn(const Answer& answer, const Cost& cost) {
  const std::optional<WindowKind> named = answer.limit ? ParseWindowKind(answer.limit->bucket) : std::nullopt;
  if (!named || named == cost.window.kind || named == cost.action) return named;
  return cost.action || IsOfOneAction(*named) ? std::nullopt : named;
}

}  // namespace

WindowKey Admission::QueueOf(const Cost& cost) {
  return cost.action ? WindowKey{cost.window.identity, *cost.action} : cost.window;
}

Admission::Window& Admission::Get(const WindowKey& key) {
  const auto found = windows_.find(key);
  if (found != windows_.end()) return found->second;
  if (windows_.size() >= options_.max_windows) ForgetIdleWindows();
  WindowLedger ledger(options_.first_quota(key), options_.length, options_.interactive_share);
  return windows_.emplace(key, Window(std::move(ledger))).first->second;
}

// An identity goes as a whole: a line may need two of its windows.
void Admission::ForgetIdleWindows() {
  std::set<std::string> used;
  for (const auto& [key, window] : windows_) {
    if (!window.queue.empty() || !window.ledger.IsIdle()) used.insert(key.identity);
  }
  std::erase_if(windows_, [&](const auto& entry) { return !used.contains(entry.first.identity); });
}

bool Admission::Enqueue(const Ticket& ticket) {
  if (tickets_.size() >= options_.max_waiting) return false;
  if (!windows_.contains(ticket.cost.window) && windows_.size() >= options_.max_windows) {
    ForgetIdleWindows();
    if (windows_.size() >= options_.max_windows) return false;
  }
  Add(ticket, false);
  return true;
}

void Admission::Requeue(const Ticket& ticket) {
  Add(ticket, true);
}

void Admission::Add(const Ticket& ticket, bool at_front) {
  Get(ticket.cost.window);
  Window& window = Get(QueueOf(ticket.cost));
  if (at_front) {
    window.queue.PushFront(ticket.id, ticket.principal, ticket.job, ticket.priority);
  } else {
    window.queue.PushBack(ticket.id, ticket.principal, ticket.job, ticket.priority);
  }
  window.arrivals.push_back(ticket.id);
  if (!ticket.may_wait) window.impatient.push_back(ticket.id);
  tickets_[ticket.id] = ticket;
}

bool Admission::Remove(TicketId id) {
  const auto found = tickets_.find(id);
  if (found == tickets_.end()) return false;
  Get(QueueOf(found->second.cost)).queue.Remove(id);
  tickets_.erase(found);
  return true;
}

Gate Admission::GateOf(const Line& line, const Claim& claim, SteadyTime now) {
  Gate gate = line.window.ledger.Check(claim, now);
  if (gate.state != Gate::State::kOpen || &line.window == &line.bucket) return gate;
  return line.bucket.ledger.Check(claim, now);
}

bool Admission::IsWithinShare(const Window& bucket, const Principal& principal) {
  const auto found = bucket.spent.find(principal);
  if (found == bucket.spent.end()) return true;
  return found->second * std::max(bucket.spent.size(), kFewestShares) < bucket.ledger.quota();
}

Claim Admission::ClaimOf(const Ticket& ticket, const Window& bucket) {
  return {ticket.priority,
          IsQuestion(ticket.priority, ticket.job) || IsWithinShare(bucket, ticket.principal)};
}

void Admission::Spend(Window& window, const Principal& principal) {
  const bool is_told_apart = window.spent.size() < kMostPrincipals || window.spent.contains(principal);
  ++window.spent[is_told_apart ? principal : Principal{principal.uid, ""}];
}

Admission::Decision Admission::Admit(SteadyTime now) {
  Decision decision;
  // The windows of an identity stand together, and its buckets before its actions.
  for (auto& [key, window] : windows_) {
    if (window.ledger.Advance(latest_, now)) window.spent.clear();
    if (window.queue.empty()) {
      window.arrivals.clear();
      window.impatient.clear();
      window.told_interactive = window.told_others = window.wake = std::nullopt;
      continue;
    }
    const auto bucket =
        IsOfOneAction(key.kind) ? windows_.find({key.identity, WindowKind::kApi}) : windows_.end();
    AdmitLine({key, window, bucket == windows_.end() ? window : bucket->second}, now, &decision);
  }
  return decision;
}

void Admission::AdmitLine(const Line& line, SteadyTime now, Decision* decision) {
  SendAll(line, now, decision);
  RefuseImpatient(line, now, decision);
  TellWaiting(line, now, decision);
}

void Admission::SendAll(const Line& line, SteadyTime now, Decision* decision) {
  for (const Priority priority : {Priority::kInteractive, Priority::kNormal, Priority::kBackground}) {
    while (line.window.queue.Has(priority)) {
      // A less urgent one never passes where a more urgent one that is within its share does not.
      if (GateOf(line, {priority, true}, now).state != Gate::State::kOpen) return;
      const bool all_may = GateOf(line, {priority, false}, now).state == Gate::State::kOpen;
      const auto may_go = [&](const Principal& principal, const std::string& job) {
        return all_may || IsQuestion(priority, job) || IsWithinShare(line.bucket, principal);
      };
      const std::optional<TicketId> id = line.window.queue.Pop(priority, may_go);
      if (!id) break;
      const auto ticket = tickets_.find(*id);
      Charge(line, ticket->second, now);
      tickets_.erase(ticket);
      decision->send.push_back({*id, ++latest_});
    }
  }
}

void Admission::Charge(const Line& line, const Ticket& ticket, SteadyTime now) {
  const Claim claim = ClaimOf(ticket, line.bucket);
  line.window.ledger.Charge(claim, now, options_.random());
  Spend(line.window, ticket.principal);
  if (&line.window == &line.bucket) return;
  line.bucket.ledger.Charge(claim, now, options_.random());
  Spend(line.bucket, ticket.principal);
}

void Admission::RefuseImpatient(const Line& line, SteadyTime now, Decision* decision) {
  std::erase_if(line.window.impatient, [&](TicketId id) {
    const auto found = tickets_.find(id);
    if (found == tickets_.end()) return true;
    const Ticket& ticket = found->second;
    const Gate gate = GateOf(line, ClaimOf(ticket, line.bucket), now);
    if (gate.state != Gate::State::kSpent) return false;
    decision->refuse.push_back({id, line.key, gate.until.value_or(now), gate.is_hub_busy});
    line.window.queue.Remove(id);
    tickets_.erase(found);
    return true;
  });
}

void Admission::TellWaiting(const Line& line, SteadyTime now, Decision* decision) {
  Window& window = line.window;
  window.wake = std::nullopt;
  const auto tell_class = [&](std::initializer_list<Priority> priorities, std::optional<SteadyTime>& told) {
    const bool has_any = std::ranges::any_of(priorities, [&](Priority p) { return window.queue.Has(p); });
    // Whoever is within his share waits only where nobody may go.
    Gate gate = GateOf(line, {*priorities.begin(), true}, now);
    if (gate.state == Gate::State::kOpen) gate = GateOf(line, {*priorities.begin(), false}, now);
    // Without a time, an answer is what changes things; the reset comes to the rescue when none does.
    const auto rescue = Earlier(window.ledger.opens_at(), line.bucket.ledger.opens_at());
    if (has_any) window.wake = Earlier(window.wake, gate.until ? gate.until : rescue);
    if (!has_any || gate.state != Gate::State::kSpent || !gate.until) {
      told = std::nullopt;
      return;
    }
    const auto tell = [&](TicketId id) {
      decision->tell.push_back({id, line.key, *gate.until, gate.is_hub_busy});
    };
    if (IsSame(told, *gate.until)) {
      for (const TicketId id : window.arrivals) {
        const auto ticket = tickets_.find(id);
        if (ticket != tickets_.end() &&
            std::ranges::find(priorities, ticket->second.priority) != priorities.end()) {
          tell(id);
        }
      }
    } else {
      for (const Priority priority : priorities) window.queue.ForEach(priority, tell);
    }
    told = gate.until;
  };
  tell_class({Priority::kInteractive}, window.told_interactive);
  tell_class({Priority::kNormal, Priority::kBackground}, window.told_others);
  window.arrivals.clear();
}

Admission::Settlement Admission::Settle(const Cost& cost, Stamp stamp, const Answer& answer, SteadyTime now) {
  const std::string& identity = cost.window.identity;
  const std::optional<WindowKind> named = NamedIn(answer, cost);
  const WindowKey spoken_of{identity, named.value_or(cost.window.kind)};
  // All are found before the request is taken off its window: until then that one is not idle and cannot be
  // forgotten.
  WindowLedger& own = Get(cost.window).ledger;
  WindowLedger& subject = Get(spoken_of).ledger;
  WindowLedger* const action = cost.action ? &Get(QueueOf(cost)).ledger : nullptr;
  own.Finish(stamp, answer, named == cost.window.kind);
  if (action != nullptr) action->Finish(stamp, answer, false);
  if (named) subject.Learn(stamp, latest_, *answer.limit, now);
  if (!answer.IsRefusal()) {
    if (answer.status != 0) own.NoteAccepted(stamp);
    if (answer.status != 0 && action != nullptr) action->NoteAccepted(stamp);
    return {spoken_of, false, subject.is_scarce()};
  }
  // The fields come with every answer: a bucket with something left is not what refused an action.
  const bool is_bucket = action == nullptr || answer.status != 429 || (named && answer.limit->remaining == 0);
  WindowLedger& refusing = is_bucket ? subject : *action;
  const bool was_closed = refusing.is_closed();
  refusing.Close(stamp, latest_, answer, now, options_.random());
  return {is_bucket ? spoken_of : QueueOf(cost), !was_closed && refusing.is_closed(), subject.is_scarce()};
}

std::optional<SteadyTime> Admission::NextWake() const {
  std::optional<SteadyTime> wake;
  for (const auto& [key, window] : windows_) {
    if (!window.queue.empty()) wake = Earlier(wake, window.wake);
  }
  return wake;
}

void Admission::Restore(const WindowKey& key, const WindowState& state, const std::vector<Spending>& spending,
                        Duration reset_in, SteadyTime now) {
  Window& window = Get(key);
  window.ledger.Restore(state, reset_in, now);
  window.spent.clear();
  if (reset_in <= Duration::zero()) return;
  for (const Spending& one : spending) window.spent[one.principal] = one.requests;
}

Admission::Status Admission::StatusOf(const WindowKey& key, const Window& window, SteadyTime now) const {
  WindowLedger ledger = window.ledger;
  const bool is_reset = ledger.Advance(latest_, now);
  const bool is_known = ledger.is_learned() || !IsOfOneAction(key.kind);
  Status status{.key = key,
                .state = {},
                .opens_at = ledger.opens_at(),
                .is_scarce = ledger.is_scarce(),
                .waiting = window.queue.size(),
                .spending = {}};
  status.state.quota = is_known ? ledger.quota() : 0;
  status.state.remaining = is_known && !ledger.is_closed() ? ledger.available() : 0;
  status.state.length = ledger.length();
  status.state.closed = ledger.is_closed();
  status.state.learned = ledger.is_learned();

  std::map<Principal, Spending> spending;
  for (const auto& [principal, requests] : window.spent) {
    if (!is_reset) spending[principal].requests = requests;
  }
  for (const auto& [principal, count] : window.queue.Waiting()) {
    spending[principal].waiting = static_cast<uint32_t>(std::min<size_t>(count, UINT32_MAX));
  }
  for (auto& [principal, one] : spending) {
    one.principal = principal;
    status.spending.push_back(std::move(one));
  }
  return status;
}

std::vector<Admission::Status> Admission::Windows(SteadyTime now) const {
  std::vector<Status> all;
  for (const auto& [key, window] : windows_) all.push_back(StatusOf(key, window, now));
  return all;
}

std::optional<Admission::Status> Admission::WindowOf(const WindowKey& window, SteadyTime now) const {
  const auto found = windows_.find(window);
  if (found == windows_.end()) return std::nullopt;
  return StatusOf(found->first, found->second, now);
}

}  // namespace batuta::budget
