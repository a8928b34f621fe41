#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/cache/partial.h"

namespace batuta::transfer {

using cache::Extent;

// Extents is a set of bytes of one blob: sorted extents, disjoint and not touching each other. Not
// thread-safe.
class Extents {
 public:
  Extents() = default;

  // In any order; empty ones add nothing.
  explicit Extents(const std::vector<Extent>& extents);

  void Add(Extent extent);
  void Remove(Extent extent);
  void Clear();

  // True for an empty extent.
  bool Contains(Extent extent) const;

  // What of `within` is not in the set, in order.
  std::vector<Extent> Gaps(Extent within) const;

  // The first of Gaps({0, size_bytes}).
  std::optional<Extent> FirstGap(uint64_t size_bytes) const;

  // Where the unbroken run of bytes from `offset` on ends; `offset` itself when that byte is not in the set.
  uint64_t EndOfRun(uint64_t offset) const;

  // Number of bytes.
  uint64_t total() const { return total_; }

  const std::vector<Extent>& list() const { return list_; }

 private:
  std::vector<Extent> list_;
  uint64_t total_ = 0;
};

}  // namespace batuta::transfer
