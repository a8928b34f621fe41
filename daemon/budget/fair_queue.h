#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>

#include "common/types/principal.h"
#include "daemon/transport/http_transport.h"

namespace batuta::budget {

// FairQueue holds the requests that wait for one window: interactive before normal before background; within
// a priority the principals take turns, one request each; within a principal first come, first served. Not
// thread-safe.
class FairQueue {
 public:
  using Id = transport::CallId;

  void PushBack(Id id, const Principal& principal, Priority priority) {
    Push(id, principal, priority, false);
  }

  // Before all others of its principal, and this principal's turn is the next: for what was refused and comes
  // again.
  void PushFront(Id id, const Principal& principal, Priority priority) {
    Push(id, principal, priority, true);
  }

  // The most urgent priority that waits; nullopt when the queue is empty.
  std::optional<Priority> TopPriority() const;

  bool Has(Priority priority) const { return !lanes_[static_cast<size_t>(priority)].turns.empty(); }

  // Takes the next one of a priority that waits.
  Id Pop(Priority priority);

  // False when it is not here.
  bool Remove(Id id);
  void ForEach(Priority priority, const std::function<void(Id)>& visit) const;

  size_t size() const { return index_.size(); }

  bool empty() const { return index_.empty(); }

 private:
  static constexpr size_t kPriorities = 3;

  struct Turn {
    Principal principal;
    std::list<Id> waiting;
  };

  struct Lane {
    std::list<Turn> turns;  // the next in front
    std::map<Principal, std::list<Turn>::iterator> of;
  };

  struct Place {
    size_t lane;
    std::list<Turn>::iterator turn;
    std::list<Id>::iterator position;
  };

  void Push(Id id, const Principal& principal, Priority priority, bool at_front);
  void DropIfEmpty(Lane& lane, std::list<Turn>::iterator turn);

  std::array<Lane, kPriorities> lanes_;
  std::unordered_map<Id, Place> index_;
};

}  // namespace batuta::budget
