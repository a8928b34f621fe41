#include "daemon/transfer/segment_plan.h"

#include <ostream>
#include <vector>

#include <gtest/gtest.h>

namespace batuta::transfer {

void PrintTo(const NextSegment& next, std::ostream* out) {
  *out << "[" << next.range.begin << ", " << next.range.end << ")";
  if (next.splits) *out << " split off flight " << *next.splits;
}

namespace {

constexpr SegmentLimits kLimits{4, 100, 400, 25};

TEST(SegmentBytesTest, IsAQuarterOfAnEvenShareWithinTheLimits) {
  EXPECT_EQ(SegmentBytes(0, kLimits), 100u);
  EXPECT_EQ(SegmentBytes(1'599, kLimits), 100u);
  EXPECT_EQ(SegmentBytes(3'200, kLimits), 200u);
  EXPECT_EQ(SegmentBytes(1'000'000, kLimits), 400u);
}

TEST(PlanSegmentTest, ChoosesByTheTable) {
  struct Case {
    const char* what;
    uint64_t size;
    std::vector<Extent> received;
    std::vector<Flight> flights;
    std::optional<NextSegment> expected;
  };

  const Case kCases[] = {
      {"a small blob is one segment", 80, {}, {}, NextSegment{{0, 80}, {}}},
      {"a blob of one segment is one segment", 100, {}, {}, NextSegment{{0, 100}, {}}},
      {"a rest too small for a request goes along", 120, {}, {}, NextSegment{{0, 120}, {}}},
      {"a rest of a piece does not", 125, {}, {}, NextSegment{{0, 100}, {}}},
      {"from the front", 1'000, {}, {}, NextSegment{{0, 100}, {}}},
      {"after what is under way", 1'000, {}, {{{0, 100}, 10, 0}}, NextSegment{{100, 200}, {}}},
      {"after what has arrived", 1'000, {{0, 130}}, {}, NextSegment{{130, 230}, {}}},
      {"into the first hole", 1'000, {{0, 130}, {150, 300}}, {}, NextSegment{{130, 150}, {}}},
      {"into the first hole that nobody is at",
       1'000,
       {{0, 130}, {150, 300}},
       {{{130, 150}, 130, 0}},
       NextSegment{{300, 400}, {}}},
      {"all there", 1'000, {{0, 1'000}}, {}, std::nullopt},
      {"nothing to do for a blob of nothing", 0, {}, {}, std::nullopt},
      {"the longest rest is split",
       300,
       {},
       {{{0, 100}, 60, 10}, {{100, 200}, 120, 10}, {{200, 300}, 240, 10}},
       NextSegment{{160, 200}, 1}},
      {"not into less than pieces", 100, {}, {{{0, 100}, 51, 30}}, std::nullopt},
      {"exactly two pieces are split", 100, {}, {{{0, 100}, 50, 30}}, NextSegment{{75, 100}, 0}},
      {"what crawls is split further", 100, {}, {{{0, 100}, 51, 10}}, NextSegment{{75, 100}, 0}},
      {"into a sixteenth of a piece at least", 100, {}, {{{0, 100}, 98, 1}}, NextSegment{{99, 100}, 0}},
      {"and no further", 100, {}, {{{0, 100}, 99, 1}}, std::nullopt},
      {"the slowest of all, however little it has left",
       200,
       {},
       {{{0, 100}, 0, 100}, {{100, 200}, 160, 10}},
       NextSegment{{180, 200}, 1}},
      {"not before its speed is known", 200, {}, {{{0, 100}, 0, 0}, {{100, 200}, 180, 0}}, std::nullopt},
      {"not what is through in a moment", 100, {}, {{{0, 100}, 0, 202}}, std::nullopt},
      {"but what takes half a second", 100, {}, {{{0, 100}, 0, 200}}, NextSegment{{50, 100}, 0}},
      {"the longest that is worth it",
       200,
       {},
       {{{0, 100}, 0, 1'000}, {{100, 200}, 120, 10}},
       NextSegment{{160, 200}, 1}},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    EXPECT_EQ(PlanSegment(each.size, Extents(each.received), each.flights, kLimits), each.expected);
  }
}

TEST(PlanSegmentTest, CoversABlobOnceWhenTakenInTurn) {
  Extents received;
  uint64_t planned = 0;
  while (const std::optional<NextSegment> next = PlanSegment(12'345, received, {}, kLimits)) {
    ASSERT_FALSE(next->splits);
    planned += next->range.end - next->range.begin;
    received.Add(next->range);
  }
  EXPECT_EQ(planned, 12'345u);
  EXPECT_EQ(received.total(), 12'345u);
}

}  // namespace
}  // namespace batuta::transfer
