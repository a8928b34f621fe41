#include "daemon/budget/reservation.h"

#include <utility>

namespace batuta::budget {

Answer AnswerOf(const ReportedAnswer& reported, WallTime now) {
  if (reported.status == 0) {
    Answer none;
    none.never_sent = reported.never_sent;
    return none;
  }
  transport::HttpHead head;
  head.status = reported.status;
  const auto add = [&head](const char* name, const std::string& value) {
    if (!value.empty()) head.headers.push_back({name, value});
  };
  add("RateLimit", reported.rate_limit);
  add("RateLimit-Policy", reported.rate_limit_policy);
  add("Retry-After", reported.retry_after);
  return AnswerOf(head, now);
}

void Reservations::Add(Ticket ticket, std::shared_ptr<ReservationHandler> handler) {
  const TicketId id = ticket.id;
  entries_.emplace(id, Entry{std::move(ticket), std::move(handler)});
}

const Reservations::Entry* Reservations::Find(TicketId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

std::shared_ptr<ReservationHandler> Reservations::Grant(TicketId id, Stamp stamp) {
  Entry& entry = entries_.at(id);
  entry.stamp = stamp;
  return std::exchange(entry.handler, nullptr);
}

std::optional<Reservations::Entry> Reservations::Take(TicketId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  Entry entry = std::move(found->second);
  entries_.erase(found);
  return entry;
}

std::vector<TicketId> Reservations::Waiting() const {
  std::vector<TicketId> ids;
  for (const auto& [id, entry] : entries_) {
    if (entry.handler != nullptr) ids.push_back(id);
  }
  return ids;
}

}  // namespace batuta::budget
