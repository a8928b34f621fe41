#pragma once

#include <cstdint>

namespace batuta::cache {

// What was taken away.
struct Removal {
  uint64_t freed_bytes = 0;  // what has another name elsewhere frees nothing
  uint32_t files = 0;        // of snapshots
  uint32_t blobs = 0;
};

}  // namespace batuta::cache
