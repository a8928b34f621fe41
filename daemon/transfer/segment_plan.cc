#include "daemon/transfer/segment_plan.h"

#include <algorithm>

namespace batuta::transfer {
namespace {

std::optional<NextSegment> PlanMissing(uint64_t size_bytes, const Extents& received,
                                       std::span<const Flight> flights, const SegmentLimits& limits) {
  Extents taken = received;
  for (const Flight& flight : flights) taken.Add(flight.range);
  const std::optional<Extent> gap = taken.FirstGap(size_bytes);
  if (!gap) return std::nullopt;
  const uint64_t length = gap->end - gap->begin;
  const uint64_t segment = SegmentBytes(size_bytes, limits);
  const bool takes_all = length <= segment || length - segment < limits.min_piece_bytes;
  return NextSegment{{gap->begin, takes_all ? gap->end : gap->begin + segment}, std::nullopt};
}

bool IsWorthSplitting(const Flight& flight, const SegmentLimits& limits) {
  const uint64_t rest = flight.range.end - flight.cursor;
  if (rest < 2 * limits.min_piece_bytes) return false;
  return flight.bytes_per_second > 0 && rest >= flight.bytes_per_second / 2;
}

}  // namespace

uint64_t SegmentBytes(uint64_t size_bytes, const SegmentLimits& limits) {
  const uint64_t even = size_bytes / (4 * static_cast<uint64_t>(std::max(limits.connections, 1)));
  return std::max<uint64_t>(1, std::clamp(even, limits.min_segment_bytes, limits.max_segment_bytes));
}

std::optional<NextSegment> PlanSegment(uint64_t size_bytes, const Extents& received,
                                       std::span<const Flight> flights, const SegmentLimits& limits) {
  if (const std::optional<NextSegment> next = PlanMissing(size_bytes, received, flights, limits)) return next;
  std::optional<size_t> longest;
  for (size_t i = 0; i < flights.size(); ++i) {
    if (!IsWorthSplitting(flights[i], limits)) continue;
    const uint64_t rest = flights[i].range.end - flights[i].cursor;
    if (!longest || rest > flights[*longest].range.end - flights[*longest].cursor) longest = i;
  }
  if (!longest) return std::nullopt;
  const Flight& flight = flights[*longest];
  const uint64_t middle = flight.cursor + (flight.range.end - flight.cursor) / 2;
  return NextSegment{{middle, flight.range.end}, longest};
}

}  // namespace batuta::transfer
