#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/transfer/extents.h"

namespace batuta::transfer {

// How a blob is cut.
struct SegmentLimits {
  int connections = 1;  // of one blob at most; ≥ 1
  uint64_t min_segment_bytes = 1;
  uint64_t max_segment_bytes = 1;  // ≥ min_segment_bytes
  uint64_t min_piece_bytes = 1;    // what is under way is not split into smaller ones, unless it crawls
};

// A segment that a connection is fetching.
struct Flight {
  Extent range;
  uint64_t cursor = 0;            // the bytes of `range` before it have arrived
  uint64_t bytes_per_second = 0;  // 0 = not known yet
};

// The next thing for an idle connection to fetch.
struct NextSegment {
  Extent range;

  // Index of the flight that it is the tail of: that one must end where `range` begins.
  std::optional<size_t> splits;

  friend bool operator==(const NextSegment&, const NextSegment&) = default;
};

// A quarter of what each connection would get if all got the same, within the limits: large enough that
// requests are few, small enough that the connections stay close together, so that hashing can follow the
// front. Pure.
uint64_t SegmentBytes(uint64_t size_bytes, const SegmentLimits& limits);

// The first missing range that nobody is fetching, at most a segment long (plus a rest too small for a
// request of its own). When there is none: the second half of the flight that would take longest, if it is
// worth a new request: both halves are pieces and it would take half a second or longer, or it would take two
// seconds or longer and both halves are at least a sixteenth of a piece, so that a blob never waits for one
// slow connection. As long as its speed is not known it is left alone, since what a server has sent already
// is lost by a split. Nullopt: nothing to do. Pure.
std::optional<NextSegment> PlanSegment(uint64_t size_bytes, const Extents& received,
                                       std::span<const Flight> flights, const SegmentLimits& limits);

}  // namespace batuta::transfer
