#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/sync/sequence.h"
#include "common/time/clock.h"
#include "daemon/budget/reservation.h"
#include "daemon/budget/window.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/transport/http_transport.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::budget {

struct Quotas {
  uint64_t api = 0;  // requests per window
  uint64_t resolvers = 0;
  uint64_t pages = 0;
};

struct BudgetOptions {
  std::string endpoint;
  Quotas anonymous{500, 3'000, 100};  // published by the hub, per 300 s
  Quotas authenticated{1'000, 5'000, 200};
  std::chrono::seconds window{300};
  double interactive_share = 0.10;  // of each quota, kept for interactive callers
  std::string salt;                 // for fingerprints of tokens; random, kept in the catalog
  size_t max_waiting = 100'000;     // requests held back; beyond: kResourceExhausted (DAEMON_BUSY)
  const metrics::DaemonMetrics* metrics = nullptr;  // outlives the transport
  std::function<double()> random;  // in [0, 1), called on the core sequence; empty = a generator of its own
};

// BudgetedTransport decorates the one real transport: a request to the endpoint is sent when its window has
// room, held back until the reset when not, and after a 429 (or a 503 with Retry-After) it is sent again by
// itself once the window reopens, so that its handler sees one answer. Requests to other origins pass at
// once. Within a window: interactive before normal before background; principals take turns, and so do the
// jobs of one. Wiring hands this object out and nobody else holds the bare transport.
//
// Windows are learned from every answer and kept in the catalog, so that a restart inside a closed window
// sends nothing before its reset. Times are kept by the steady clock; the wall clock serves people and the
// catalog only, and no jump of it moves a reset by more than an hour. A server that never tells of limits is
// held to none but its refusals.
//
// A 503 with Retry-After is waited out for GET, HEAD and PUT; a POST or DELETE may have taken effect, so its
// handler sees it. While a request is held back, its handler is called on the core sequence, afterwards on
// the inner transport's thread.
//
// State lives on the core sequence; the HttpTransport methods are thread-safe. Destroying the object ends
// what it holds back with kCancelled, on the core sequence if that still runs; what is on the wire goes on to
// its handlers. The inner transport is stopped before the object goes.
class BudgetedTransport : public transport::HttpTransport {
 public:
  // Everything borrowed outlives the object. Reads the catalog: call it before the core sequence has work.
  static std::unique_ptr<BudgetedTransport> Create(BudgetOptions options, transport::HttpTransport& inner,
                                                   Sequence& core, const Clock& clock,
                                                   metadata::MetadataStore& store);

  // Core sequence only. Of every identity; the caller filters.
  virtual std::vector<WindowView> Windows() const = 0;

  // The identity under which requests with this token are counted: "anonymous" or a salted fingerprint.
  virtual std::string IdentityOf(const Secret& token) const = 0;

  // May I? The id of a request of somebody else's that is admitted like those of the daemon itself; its
  // sender tells by SettleReservation() what came of it, so that the windows learn from it. Core sequence
  // only.
  //   kInvalidArgument (INVALID_ARGUMENT)  the URL is not on the endpoint: nothing limits it.
  virtual absl::StatusOr<TicketId> Reserve(ReserveRequest request,
                                           std::shared_ptr<ReservationHandler> handler) = 0;

  // The answer that came, or that none did. Of a principal's own only. Core sequence only.
  //   kNotFound (RESERVATION_NOT_FOUND)  not granted to this user, settled, or expired.
  virtual absl::Status SettleReservation(const Principal& principal, TicketId id,
                                         const ReportedAnswer& answer) = 0;

  // It is not wanted any more: it stops waiting, its handler hears nothing further, and it costs nothing.
  // Without effect on one that is settled. Core sequence only.
  virtual void DropReservation(TicketId id) = 0;

  // `changed` runs on the core sequence after any change of Windows(), at most four times a second. Returns
  // an id.
  virtual uint64_t Observe(std::function<void()> changed) = 0;
  virtual void Unobserve(uint64_t id) = 0;
};

}  // namespace batuta::budget
