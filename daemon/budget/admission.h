#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/time/clock.h"
#include "common/types/principal.h"
#include "daemon/budget/fair_queue.h"
#include "daemon/budget/window.h"
#include "daemon/budget/window_ledger.h"

namespace batuta::budget {

struct WindowKey {
  std::string identity;
  WindowKind kind = WindowKind::kApi;

  friend auto operator<=>(const WindowKey&, const WindowKey&) = default;
};

struct AdmissionOptions {
  // The quota with which a window begins before the server has spoken.
  std::function<uint64_t(const WindowKey&)> first_quota;
  std::chrono::seconds length{300};
  double interactive_share = 0.10;
  size_t max_waiting = 100'000;    // requests in all queues together
  size_t max_windows = 3'000;      // idle ones beyond are forgotten; beyond, with none idle, no new identity
  std::function<double()> random;  // in [0, 1)
};

using TicketId = FairQueue::Id;

// What one request costs: one of its window, and of that of its action, where it has one (see ActionOf).
struct Cost {
  WindowKey window;
  std::optional<WindowKind> action;
};

// One request in the queues.
struct Ticket {
  TicketId id = 0;
  Cost cost;
  Principal principal;
  std::string job;
  Priority priority = Priority::kNormal;
  bool may_wait = true;
};

// Admission decides which request goes when: one ledger and one fair queue a window. No clock, no I/O, no
// threads: time and answers are passed in, decisions come out. Not thread-safe.
class Admission {
 public:
  explicit Admission(AdmissionOptions options) : options_(std::move(options)) {}

  // What is to be done now.
  struct Decision {
    struct Sent {
      TicketId id;
      Stamp stamp;  // give it to Settle()
    };

    struct Held {
      TicketId id;
      WindowKey window;
      SteadyTime until;
      bool is_hub_busy;  // see Gate
    };

    std::vector<Sent> send;
    std::vector<Held> refuse;  // may_wait is false and the window is spent: it is out of the queue
    std::vector<Held> tell;    // it waits, until then, and has not been told so
  };

  // Adds a request. False when the queues are full: it was not taken.
  bool Enqueue(const Ticket& ticket);

  // Adds one that was sent and refused: before all others of its principal, whatever the length of the queue.
  void Requeue(const Ticket& ticket);

  // False when it does not wait.
  bool Remove(TicketId id);
  Decision Admit(SteadyTime now);

  struct Settlement {
    // The window that the answer spoke of: the request's own, the one whose bucket the server named, or, when
    // it was refused for another reason, that of its action. A refused request waits there.
    WindowKey window;
    bool has_closed = false;  // it was open until this refusal
    bool is_scarce = false;   // so little is left that a restart must not forget any of it
  };

  // The end of a request that Admit() sent under that stamp.
  Settlement Settle(const Cost& cost, Stamp stamp, const Answer& answer, SteadyTime now);

  // When Admit() may have something new to decide, if nothing else happens before; nullopt when nothing waits
  // for a time.
  std::optional<SteadyTime> NextWake() const;

  // Puts a window back as it was before a restart.
  void Restore(const WindowKey& window, const WindowState& state, const std::vector<Spending>& spending,
               Duration reset_in, SteadyTime now);

  // Makes sure that the window exists, for those who look.
  void Touch(const WindowKey& window) { Get(window); }

  struct Status {
    WindowKey key;
    WindowState state;                   // without resets_at
    std::optional<SteadyTime> opens_at;  // nullopt: not begun
    bool is_scarce = false;
    size_t waiting = 0;
    std::vector<Spending> spending;  // by principal
  };

  std::vector<Status> Windows(SteadyTime now) const;
  std::optional<Status> WindowOf(const WindowKey& window, SteadyTime now) const;

  size_t waiting() const { return tickets_.size(); }

 private:
  struct Window {
    explicit Window(WindowLedger first) : ledger(std::move(first)) {}

    WindowLedger ledger;
    FairQueue queue;
    std::map<Principal, uint64_t> spent;  // since the reset
    std::vector<TicketId> arrivals;       // since the last Admit()
    std::vector<TicketId> impatient;      // may_wait is false; some may be gone already
    std::optional<SteadyTime> told_interactive;
    std::optional<SteadyTime> told_others;
    std::optional<SteadyTime> wake;
  };

  // Where requests queue, and the window that has to have room as well; for most, the same one.
  struct Line {
    const WindowKey& key;
    Window& window;
    Window& bucket;
  };

  static WindowKey QueueOf(const Cost& cost);
  static Gate GateOf(const Line& line, const Claim& claim, SteadyTime now);
  static bool IsWithinShare(const Window& bucket, const Principal& principal);
  static Claim ClaimOf(const Ticket& ticket, const Window& bucket);
  static void Spend(Window& window, const Principal& principal);

  Window& Get(const WindowKey& key);
  void Add(const Ticket& ticket, bool at_front);
  void AdmitLine(const Line& line, SteadyTime now, Decision* decision);
  void SendAll(const Line& line, SteadyTime now, Decision* decision);
  void Charge(const Line& line, const Ticket& ticket, SteadyTime now);
  void RefuseImpatient(const Line& line, SteadyTime now, Decision* decision);
  void TellWaiting(const Line& line, SteadyTime now, Decision* decision);
  void ForgetIdleWindows();
  Status StatusOf(const WindowKey& key, const Window& window, SteadyTime now) const;

  const AdmissionOptions options_;
  std::map<WindowKey, Window> windows_;
  std::unordered_map<TicketId, Ticket> tickets_;  // those that wait
  Stamp latest_ = 0;
};

}  // namespace batuta::budget
