#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace batuta::cache {

// What a pull asks for, and what all pulls have been promised, this one included. Taken before the disk is
// looked at: what is written meanwhile counts twice rather than not at all.
struct Demand {
  uint64_t asked_bytes = 0;
  uint64_t unwritten_bytes = 0;  // promised, and not on the disk yet
};

// RoomMaker makes room in the cache, by whatever it can do without.
class RoomMaker {
 public:
  virtual ~RoomMaker() = default;

  // Run it on the disk pool.
  //   kResourceExhausted (DISK_FULL)  it cannot be had; says the numbers, and what would have to go. Nothing
  //     was removed then.
  virtual absl::Status MakeRoom(const Demand& demand) = 0;
};

}  // namespace batuta::cache
