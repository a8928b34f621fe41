#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "absl/functional/function_ref.h"

#include "common/types/principal.h"
#include "daemon/transport/http_transport.h"

namespace batuta::transfer {

// ServedBytes keeps how much each of several parties that have wishes was served. Who comes back after a
// while has no credit from it. Pure; not thread-safe.
template <typename Party>
class ServedBytes {
 public:
  void AddWish(const Party& party);

  void DropWish(const Party& party) { --accounts_.at(party).wishes; }

  uint64_t Of(const Party& party) const { return accounts_.at(party).bytes; }

  bool Knows(const Party& party) const { return accounts_.contains(party); }

  // One who has a wish was served.
  void Serve(const Party& party, uint64_t bytes);

 private:
  struct Account {
    uint64_t bytes = 0;
    size_t wishes = 0;
  };

  std::map<Party, Account> accounts_;  // of those with a wish, and of those ahead of the turn
  uint64_t turn_bytes_ = 0;            // what the last to be served had been served before
};

// FairQueue says who is served next: the most urgent; among those the one whose user was served the fewest
// bytes; among his the one whose principal was; among his the one whose job was; among its the first to come.
// So one who wants 10,000 files does not keep another waiting who wants three, nor his own next job. Pure;
// not thread-safe.
class FairQueue {
 public:
  struct Item {
    uint64_t number = 0;  // unique; smaller came earlier
    Priority priority = Priority::kNormal;
    Principal principal;
    uint64_t size_bytes = 0;
    std::string job = {};  // "" = none
  };

  // An item of the same number is replaced.
  void Put(const Item& item);
  void Remove(uint64_t number);

  // Forgets everything, also who was served how much: for when nobody is any more.
  void Clear() { *this = FairQueue(); }

  bool empty() const { return items_.empty(); }

  bool Contains(uint64_t number) const { return items_.contains(number); }

  using MayGo = absl::FunctionRef<bool(const Item&)>;

  // Takes the next to be served out: the first in order of those that may go, but never a less urgent one
  // where a more urgent one waits. Its principal and its job have been served. nullopt when there is none.
  std::optional<Item> TakeNext(MayGo may_go);

 private:
  using Lines = std::map<std::string, std::set<uint64_t>>;  // numbers by job

  std::unordered_map<uint64_t, Item> items_;
  std::map<Priority, std::map<Principal, Lines>> lines_;  // none is empty, on no level
  ServedBytes<uint32_t> users_;
  ServedBytes<Principal> principals_;
  std::map<Principal, ServedBytes<std::string>> jobs_;  // of those whom principals_ knows
};

}  // namespace batuta::transfer
