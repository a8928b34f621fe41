#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "daemon/transfer/fair_queue.h"

namespace batuta::transfer {

// Slots says for whom there is room among the blobs in flight, of which there are usually at most `limit`.
// Whoever is more urgent than something in flight, or whose job has less than its share among what is as
// urgent, need not wait for others to end: for such the slots are doubled. Pure; not thread-safe.
class Slots {
 public:
  explicit Slots(size_t limit) : limit_(limit) {}

  // One in flight.
  void Add(Priority priority, const Principal& principal, const std::string& job);

  bool HasOneFor(const FairQueue::Item& item) const;

 private:
  // What is in flight and as urgent as a priority.
  struct AsUrgent {
    size_t count = 0;
    std::map<std::pair<Principal, std::string>, size_t> of_job;
  };

  const size_t limit_;
  size_t in_flight_ = 0;
  std::array<AsUrgent, 3> as_urgent_;  // by priority
};

}  // namespace batuta::transfer
