#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/functional/function_ref.h"

#include "common/types/principal.h"
#include "daemon/transport/http_transport.h"

namespace batuta::budget {

// FairQueue holds the requests that wait for one window: interactive before normal before background; within
// a priority the users take turns, within a user the principals, within a principal its jobs, one request
// each; within a job first come, first served. So nobody gets more by calling himself by several names.
// (Every request costs the same, so that a deficit round robin is a plain one.)
//
// Taking one is O(principals that wait and jobs that are passed over), all else O(log n). Not thread-safe.
class FairQueue {
 public:
  using Id = transport::CallId;
  using MayGo = absl::FunctionRef<bool(const Principal&, const std::string& job)>;

  // `job` is a name of the principal's own; what belongs to none has "".
  void PushBack(Id id, const Principal& principal, const std::string& job, Priority priority) {
    Push(id, principal, job, priority, false);
  }

  // Before all others of its principal, and the turn of this user and principal is the next: for what was
  // refused and comes again.
  void PushFront(Id id, const Principal& principal, const std::string& job, Priority priority) {
    Push(id, principal, job, priority, true);
  }

  bool Has(Priority priority) const { return !lanes_[static_cast<size_t>(priority)].turns.empty(); }

  // Takes the next one of that priority whose job may go; nullopt when there is none.
  std::optional<Id> Pop(Priority priority, MayGo may_go);

  // False when it is not here.
  bool Remove(Id id);
  void ForEach(Priority priority, absl::FunctionRef<void(Id)> visit) const;

  // How many of each principal wait, all priorities together.
  std::map<Principal, size_t> Waiting() const;

  size_t size() const { return index_.size(); }

  bool empty() const { return index_.empty(); }

 private:
  static constexpr size_t kPriorities = 3;

  struct Job {
    std::string name;
    std::list<Id> waiting;
  };

  struct Turn {
    Principal principal;
    std::list<Job> jobs;  // the next in front
    std::unordered_map<std::string, std::list<Job>::iterator> of;
    size_t size = 0;
  };

  struct Lane {
    std::list<Turn> turns;  // the next in front
    std::map<Principal, std::list<Turn>::iterator> of;
    std::map<uint32_t, uint64_t> served;  // by uid: when one of that user was taken last; of those who wait
  };

  struct Place {
    size_t lane;
    std::list<Turn>::iterator turn;
    std::list<Job>::iterator job;
    std::list<Id>::iterator position;
  };

  void Push(Id id, const Principal& principal, const std::string& job, Priority priority, bool at_front);

  static std::list<Job>::iterator NextJob(Turn& turn, MayGo may_go);
  static std::list<Turn>::iterator NextTurn(Lane& lane, MayGo may_go);

  std::array<Lane, kPriorities> lanes_;
  uint64_t taken_ = 0;
  std::unordered_map<Id, Place> index_;
};

}  // namespace batuta::budget
