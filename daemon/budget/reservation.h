#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"

#include "common/types/secret.h"
#include "daemon/budget/admission.h"
#include "daemon/budget/window_ledger.h"

namespace batuta::budget {

// What a tool asks for before it sends a request to the hub by itself.
struct ReserveRequest {
  transport::HttpMethod method = transport::HttpMethod::kGet;
  std::string url;  // on the endpoint
  Secret token;     // with which the tool will ask; empty = anonymous
  Principal principal;
  Priority priority = Priority::kNormal;
  bool may_wait = true;
};

// The right to send one request, until it expires or is settled. What is never settled counts as spent.
struct Reservation {
  static constexpr std::chrono::seconds kLife{60};

  TicketId id = 0;
  WindowKey window;
  WallTime expires_at;
};

// What its sender tells of the answer. Header values as they came; empty = absent.
struct ReportedAnswer {
  int status = 0;  // 0: none came
  bool never_sent = false;
  std::string rate_limit;
  std::string rate_limit_policy;
  std::string retry_after;
};

// `now` dates a Retry-After that is a date. Pure.
Answer AnswerOf(const ReportedAnswer& reported, WallTime now);

// ReservationHandler hears what becomes of a ReserveRequest; on the core sequence, never inside Reserve(). It
// may drop its own reservation from there, and must not touch others.
class ReservationHandler {
 public:
  virtual ~ReservationHandler() = default;

  // It is held back; may come several times.
  virtual void OnWaiting(const transport::WaitInfo& info) = 0;

  // Either of these, once, last.
  virtual void OnGranted(const Reservation& reservation) = 0;

  //   kResourceExhausted (HUB_RATE_LIMITED)  may_wait is false, and the window is spent.
  //   kResourceExhausted (DAEMON_BUSY)       too many requests wait already.
  //   kCancelled (CANCELLED)                 the daemon stops.
  virtual void OnDone(const absl::Status& status) = 0;
};

// Reservations holds those that wait and those that were granted and are not settled yet. Not thread-safe.
class Reservations {
 public:
  struct Entry {
    Ticket ticket;
    std::shared_ptr<ReservationHandler> handler;  // null once granted
    Stamp stamp = 0;                              // once granted
  };

  void Add(Ticket ticket, std::shared_ptr<ReservationHandler> handler);

  // Null when it is not here.
  const Entry* Find(TicketId id) const;

  // It waits no more; its handler, who is told by the caller.
  std::shared_ptr<ReservationHandler> Grant(TicketId id, Stamp stamp);

  // Takes it out; nullopt when it is not here.
  std::optional<Entry> Take(TicketId id);

  // Ids of those that wait.
  std::vector<TicketId> Waiting() const;

 private:
  std::unordered_map<TicketId, Entry> entries_;
};

}  // namespace batuta::budget
