#include "daemon/budget/admission.h"

#include <algorithm>
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

}  // namespace

Admission::Window& Admission::Get(const WindowKey& key) {
  const auto found = windows_.find(key);
  if (found != windows_.end()) return found->second;
  if (windows_.size() >= options_.max_windows) ForgetIdleWindows();
  WindowLedger ledger(options_.first_quota(key), options_.length, options_.interactive_share);
  return windows_.emplace(key, Window(std::move(ledger))).first->second;
}

void Admission::ForgetIdleWindows() {
  std::erase_if(windows_,
                [](const auto& entry) { return entry.second.queue.empty() && entry.second.ledger.IsIdle(); });
}

bool Admission::Enqueue(const Ticket& ticket) {
  if (tickets_.size() >= options_.max_waiting) return false;
  Window* const window = &Get(ticket.window);
  if (windows_.size() > options_.max_windows && window->queue.empty() && window->ledger.IsIdle()) {
    windows_.erase(ticket.window);
    return false;
  }
  Add(ticket, false);
  return true;
}

void Admission::Requeue(const Ticket& ticket) {
  Add(ticket, true);
}

void Admission::Add(const Ticket& ticket, bool at_front) {
  Window& window = Get(ticket.window);
  if (at_front) {
    window.queue.PushFront(ticket.id, ticket.principal, ticket.priority);
  } else {
    window.queue.PushBack(ticket.id, ticket.principal, ticket.priority);
  }
  window.arrivals.push_back(ticket.id);
  if (!ticket.may_wait) window.impatient.push_back(ticket.id);
  tickets_[ticket.id] = ticket;
}

bool Admission::Remove(TicketId id) {
  const auto found = tickets_.find(id);
  if (found == tickets_.end()) return false;
  Get(found->second.window).queue.Remove(id);
  tickets_.erase(found);
  return true;
}

Admission::Decision Admission::Admit(SteadyTime now) {
  Decision decision;
  for (auto& [key, window] : windows_) {
    window.ledger.Advance(latest_, now);
    if (window.queue.empty()) {
      window.arrivals.clear();
      window.impatient.clear();
      window.told_interactive = window.told_others = window.wake = std::nullopt;
    } else {
      AdmitWindow(key, window, now, &decision);
    }
  }
  return decision;
}

void Admission::AdmitWindow(const WindowKey& key, Window& window, SteadyTime now, Decision* decision) {
  while (const std::optional<Priority> priority = window.queue.TopPriority()) {
    // A less urgent one never passes where a more urgent one does not.
    if (window.ledger.Check(*priority, now).state != Gate::State::kOpen) break;
    const TicketId id = window.queue.Pop(*priority);
    tickets_.erase(id);
    window.ledger.Charge(now, options_.random());
    decision->send.push_back({id, ++latest_});
  }
  RefuseImpatient(key, window, now, decision);
  TellWaiting(key, window, now, decision);
}

void Admission::RefuseImpatient(const WindowKey& key, Window& window, SteadyTime now, Decision* decision) {
  std::erase_if(window.impatient, [&](TicketId id) {
    const auto ticket = tickets_.find(id);
    if (ticket == tickets_.end()) return true;
    const Gate gate = window.ledger.Check(ticket->second.priority, now);
    if (gate.state != Gate::State::kSpent) return false;
    decision->refuse.push_back({id, key, gate.until.value_or(now), gate.is_hub_busy});
    window.queue.Remove(id);
    tickets_.erase(ticket);
    return true;
  });
}

void Admission::TellWaiting(const WindowKey& key, Window& window, SteadyTime now, Decision* decision) {
  window.wake = std::nullopt;
  const auto tell_class = [&](std::initializer_list<Priority> priorities, std::optional<SteadyTime>& told) {
    const bool has_any = std::ranges::any_of(priorities, [&](Priority p) { return window.queue.Has(p); });
    const Gate gate = window.ledger.Check(*priorities.begin(), now);
    // Without a time, an answer is what changes things; the reset comes to the rescue when none does.
    if (has_any) window.wake = Earlier(window.wake, gate.until ? gate.until : window.ledger.opens_at());
    if (!has_any || gate.state != Gate::State::kSpent || !gate.until) {
      told = std::nullopt;
      return;
    }
    const auto tell = [&](TicketId id) {
      decision->tell.push_back({id, key, *gate.until, gate.is_hub_busy});
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

Admission::Settlement Admission::Settle(const WindowKey& window, Stamp stamp, const Answer& answer,
                                        SteadyTime now) {
  const std::optional<WindowKind> named = answer.limit ? ParseWindowKind(answer.limit->bucket) : std::nullopt;
  const WindowKey spoken_of{window.identity, named.value_or(window.kind)};
  // Both are found before the request is taken off its window: until then that one is not idle and cannot be
  // forgotten.
  WindowLedger& own = Get(window).ledger;
  WindowLedger& subject = Get(spoken_of).ledger;
  own.Finish(stamp, answer, named == window.kind);
  if (named) subject.Learn(stamp, latest_, *answer.limit, now);
  const bool was_closed = subject.is_closed();
  if (answer.IsRefusal()) {
    subject.Close(stamp, latest_, answer, now, options_.random());
  } else if (answer.status != 0) {
    own.NoteAccepted(stamp);
  }
  return {spoken_of, !was_closed && subject.is_closed()};
}

std::optional<SteadyTime> Admission::NextWake() const {
  std::optional<SteadyTime> wake;
  for (const auto& [key, window] : windows_) {
    if (!window.queue.empty()) wake = Earlier(wake, window.wake);
  }
  return wake;
}

void Admission::Restore(const WindowKey& window, const WindowState& state, Duration reset_in,
                        SteadyTime now) {
  Get(window).ledger.Restore(state, reset_in, now);
}

Admission::Status Admission::StatusOf(const WindowKey& key, const Window& window, SteadyTime now) const {
  WindowLedger ledger = window.ledger;
  ledger.Advance(latest_, now);
  WindowState state;
  state.quota = ledger.quota();
  state.remaining = ledger.is_closed() ? 0 : ledger.available();
  state.length = ledger.length();
  state.closed = ledger.is_closed();
  state.learned = ledger.is_learned();
  return {key, state, ledger.opens_at(), window.queue.size()};
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
