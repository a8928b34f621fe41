#include "daemon/transfer/extents.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::cache {

void PrintTo(const Extent& extent, std::ostream* out) {
  *out << "[" << extent.begin << ", " << extent.end << ")";
}

}  // namespace batuta::cache

namespace batuta::transfer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ExtentsTest, JoinsWhatTouchesOrOverlaps) {
  struct Case {
    const char* what;
    std::vector<Extent> added;
    std::vector<Extent> expected;
  };

  const Case kCases[] = {
      {"nothing", {}, {}},
      {"empty ones", {{3, 3}, {5, 2}}, {}},
      {"apart", {{0, 1}, {5, 7}}, {{0, 1}, {5, 7}}},
      {"in any order", {{5, 7}, {0, 1}}, {{0, 1}, {5, 7}}},
      {"touching on the left", {{5, 7}, {3, 5}}, {{3, 7}}},
      {"touching on the right", {{5, 7}, {7, 9}}, {{5, 9}}},
      {"filling a hole", {{0, 2}, {4, 6}, {2, 4}}, {{0, 6}}},
      {"covering several", {{1, 2}, {3, 4}, {5, 6}, {8, 9}, {0, 7}}, {{0, 7}, {8, 9}}},
      {"inside another", {{0, 9}, {3, 4}}, {{0, 9}}},
      {"the same twice", {{2, 4}, {2, 4}}, {{2, 4}}},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    const Extents extents(each.added);
    EXPECT_EQ(extents.list(), each.expected);
    uint64_t total = 0;
    for (const Extent& extent : each.expected) total += extent.end - extent.begin;
    EXPECT_EQ(extents.total(), total);
  }
}

TEST(ExtentsTest, FindsGaps) {
  const Extents extents({{2, 4}, {6, 8}});

  EXPECT_THAT(extents.Gaps({0, 10}), ElementsAre(Extent{0, 2}, Extent{4, 6}, Extent{8, 10}));
  EXPECT_THAT(extents.Gaps({3, 7}), ElementsAre(Extent{4, 6}));
  EXPECT_THAT(extents.Gaps({2, 4}), IsEmpty());
  EXPECT_THAT(extents.Gaps({4, 6}), ElementsAre(Extent{4, 6}));
  EXPECT_THAT(extents.Gaps({5, 5}), IsEmpty());
  EXPECT_THAT(Extents().Gaps({0, 3}), ElementsAre(Extent{0, 3}));
  EXPECT_EQ(extents.FirstGap(10), (Extent{0, 2}));
  EXPECT_EQ(Extents({{0, 4}, {6, 8}}).FirstGap(8), (Extent{4, 6}));
  EXPECT_EQ(Extents({{0, 4}}).FirstGap(8), (Extent{4, 8}));
  EXPECT_EQ(Extents({{0, 4}}).FirstGap(4), std::nullopt);
  EXPECT_EQ(Extents().FirstGap(0), std::nullopt);
}

TEST(ExtentsTest, KnowsRunsAndWhatItContains) {
  const Extents extents({{2, 4}, {6, 8}});

  EXPECT_EQ(extents.EndOfRun(2), 4u);
  EXPECT_EQ(extents.EndOfRun(3), 4u);
  EXPECT_EQ(extents.EndOfRun(4), 4u);
  EXPECT_EQ(extents.EndOfRun(0), 0u);
  EXPECT_EQ(extents.EndOfRun(9), 9u);
  EXPECT_TRUE(extents.Contains({2, 4}));
  EXPECT_TRUE(extents.Contains({7, 8}));
  EXPECT_TRUE(extents.Contains({5, 5}));
  EXPECT_FALSE(extents.Contains({3, 5}));
  EXPECT_FALSE(extents.Contains({2, 8}));
}

TEST(ExtentsTest, AgreesWithAListOfBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Extents extents;
    std::string bytes(40, '.');
    for (int i = 0; i < 8; ++i) {
      const uint64_t begin = random() % 40;
      const uint64_t end = begin + random() % (41 - begin);
      extents.Add({begin, end});
      for (uint64_t at = begin; at < end; ++at) bytes[at] = 'x';
    }
    std::string drawn(40, '.');
    for (const Extent& extent : extents.list()) {
      for (uint64_t at = extent.begin; at < extent.end; ++at) drawn[at] = 'x';
    }
    ASSERT_EQ(drawn, bytes);
    ASSERT_EQ(extents.total(), static_cast<uint64_t>(std::ranges::count(bytes, 'x')));
    for (const Extent& gap : extents.Gaps({0, 40})) {
      for (uint64_t at = gap.begin; at < gap.end; ++at) ASSERT_EQ(bytes[at], '.');
    }
  }
}

TEST(ExtentsTest, RemovesAPartOfSeveralExtents) {
  Extents extents({{0, 10}, {20, 30}, {40, 50}});
  extents.Remove({5, 45});
  EXPECT_EQ(extents.list(), (std::vector<Extent>{{0, 5}, {45, 50}}));
  EXPECT_EQ(extents.total(), 10u);
  extents.Remove({1, 2});
  EXPECT_EQ(extents.list(), (std::vector<Extent>{{0, 1}, {2, 5}, {45, 50}}));
  extents.Remove({5, 45});
  extents.Remove({100, 200});
  EXPECT_EQ(extents.total(), 9u);
}

}  // namespace
}  // namespace batuta::transfer
