#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/container/flat_hash_map.h"

#include "daemon/safety/pickle/value.h"

namespace batuta::safety::pickle {

// What a pickle remembers, by number. Picklers count up from 0; any other number is taken too, at a price in
// memory that does not depend on it.
class Memo {
 public:
  // Loaders make room for all numbers below.
  static constexpr uint64_t kMostNumbers = 16 << 20;

  void Clear() {
    near_.clear();
    far_.clear();
    count_ = 0;
  }

  // How many numbers are in use: what MEMOIZE uses next.
  uint64_t count() const { return count_; }

  uint64_t memory_bytes() const { return near_.size() * sizeof(Value) + far_.capacity() * 4 * sizeof(Value); }

  void Put(uint64_t number, Value value) {
    if (number < near_.size()) {
      near_[number] = value;
    } else if (number == near_.size()) {
      // One that was put before its turn is found here from now on.
      if (far_.empty() || far_.erase(number) == 0) ++count_;
      near_.push_back(value);
    } else if (far_.insert_or_assign(number, value).second) {
      ++count_;
    }
  }

  std::optional<Value> Get(uint64_t number) const {
    if (number < near_.size()) return near_[number];
    const auto found = far_.find(number);
    if (found == far_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::deque<Value> near_;
  absl::flat_hash_map<uint64_t, Value> far_;
  uint64_t count_ = 0;
};

}  // namespace batuta::safety::pickle
