#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "daemon/transport/http_transport.h"
#include "daemon/transport/request_check.h"

namespace batuta::transport {

// How many calls may be on the wire at once. A quarter of each (at least one, where there are two or more) is
// closed to bulk loads, so that an API call never waits for a download to end.
struct CallLimits {
  int total = 64;       // ≥ 1
  int per_origin = 16;  // ≥ 1; four times as many short calls where they share connections (HTTP/2)
};

// CallQueue holds the calls that the limits keep off the wire, and says which goes next: interactive before
// normal before background, short before bulk, origins in turn, then first come. Not thread-safe.
class CallQueue {
 public:
  explicit CallQueue(CallLimits limits) : limits_(limits) {}

  void Push(CallId id, const std::string& origin, Load load, Priority priority);

  // The call that may start now, counted as running until Finished(); nullopt when none may.
  std::optional<CallId> Next();

  // Gives the place of a running call back.
  void Finished(const std::string& origin, Load load);

  // Forgets a call that waits; false when it does not.
  bool Remove(CallId id);

  // This origin's short calls share connections from now on.
  void SetMultiplexed(const std::string& origin);

  // Any waiting call, until none is left.
  std::optional<CallId> TakeAny();

  size_t waiting() const { return index_.size(); }

 private:
  static constexpr size_t kLoads = 2;
  static constexpr size_t kPriorities = 3;

  struct Origin {
    int short_running = 0;
    int bulk_running = 0;
    bool is_multiplexed = false;
    std::array<std::array<std::list<CallId>, kLoads>, kPriorities> waiting;
  };

  using Origins = std::map<std::string, Origin>;

  struct Place {
    Origins::iterator origin;
    std::list<CallId>* lane;
    std::list<CallId>::iterator position;
  };

  bool HasRoom(const Origin& origin, Load load) const;
  std::optional<CallId> TakeFrom(Origins::iterator origin, size_t priority, Load load);
  void ForgetIdleOrigins();

  const CallLimits limits_;
  Origins origins_;
  std::unordered_map<CallId, Place> index_;
  std::string turn_;  // the origin served last
  int running_ = 0;
  int bulk_running_ = 0;
};

}  // namespace batuta::transport
