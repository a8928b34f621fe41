#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "common/types/principal.h"
#include "daemon/transport/http_transport.h"

namespace batuta::transfer {

// FairQueue says who is served next: the most urgent; among those the one whose principal was served the
// fewest bytes; among his the first to come. So one who wants 10,000 files does not keep another waiting who
// wants three. A principal who comes back after a while has no credit from it. Pure; not thread-safe.
class FairQueue {
 public:
  struct Item {
    uint64_t number = 0;  // unique; smaller came earlier
    Priority priority = Priority::kNormal;
    Principal principal;
    uint64_t size_bytes = 0;
  };

  // An item of the same number is replaced.
  void Put(const Item& item);
  void Remove(uint64_t number);

  // Forgets everything, also who was served how much: for when nobody is any more.
  void Clear();

  bool empty() const { return items_.empty(); }

  bool Contains(uint64_t number) const { return items_.contains(number); }

  // The next to be served. Not when empty.
  const Item& Next() const;

  // Takes it out; its principal has been served.
  Item TakeNext();

 private:
  using Line = std::pair<Priority, Principal>;

  bool HasItems(const Principal& principal) const;

  std::unordered_map<uint64_t, Item> items_;
  std::map<Line, std::set<uint64_t>> lines_;    // none is empty
  std::map<Principal, uint64_t> served_bytes_;  // of those with an item, and of those ahead of the turn
  uint64_t turn_bytes_ = 0;                     // what the last to be served had been served before
};

}  // namespace batuta::transfer
