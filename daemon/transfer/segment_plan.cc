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

constexpr double kWorthSeconds = 0.5;
constexpr double kCrawlSeconds = 2.0;
constexpr uint64_t kCrawlPieces = 16;  // of a piece

uint64_t RestOf(const Flight& flight) {
  return flight.range.end - flight.cursor;
}

// What the rest would take; 0 = not known.
double SecondsLeft(const Flight& flight) {
  if (flight.bytes_per_second == 0) return 0;
  return static_cast<double>(RestOf(flight)) / static_cast<double>(flight.bytes_per_second);
}

bool IsWorthSplitting(const Flight& flight, const SegmentLimits& limits) {
  const double seconds = SecondsLeft(flight);
  const uint64_t rest = RestOf(flight);
  if (seconds >= kWorthSeconds && rest >= 2 * limits.min_piece_bytes) return true;
  return seconds >= kCrawlSeconds && rest >= 2 * std::max<uint64_t>(limits.min_piece_bytes / kCrawlPieces, 1);
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
    if (!longest || SecondsLeft(flights[i]) > SecondsLeft(flights[*longest])) longest = i;
  }
  if (!longest) return std::nullopt;
  const Flight& flight = flights[*longest];
  const uint64_t middle = flight.cursor + (flight.range.end - flight.cursor) / 2;
  return NextSegment{{middle, flight.range.end}, longest};
}

}  // namespace batuta::transfer
