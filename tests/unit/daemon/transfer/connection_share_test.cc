#include "daemon/transfer/connection_share.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::transfer {
namespace {

TEST(ShareConnectionsTest, FollowsTheTable) {
  struct Case {
    const char* what;
    std::vector<ConnectionDemand> demands;
    int total;
    int spare;
    std::vector<int> expected;
  };

  const Case kCases[] = {
      {"nobody", {}, 8, 4, {}},
      {"one takes its first and the spare ones", {{8, 1'000}}, 8, 4, {5}},
      {"never more than wanted", {{3, 1'000}}, 8, 8, {3}},
      {"who opens or finishes gets none", {{0, 0}, {2, 10}}, 8, 8, {0, 2}},
      {"everyone gets one before anyone gets two", {{8, 9'000}, {1, 1}, {8, 10}}, 3, 3, {1, 1, 1}},
      {"the first in order when there are too few", {{8, 1}, {8, 9'000}}, 1, 1, {1, 0}},
      {"the spare go to the largest", {{8, 1'000}, {8, 100}}, 6, 6, {5, 1}},
      {"and are even among equals", {{8, 600}, {8, 600}, {8, 600}}, 9, 9, {3, 3, 3}},
      {"in proportion to what is left", {{8, 900}, {8, 300}}, 8, 8, {6, 2}},
      {"the most urgent has what it wants first", {{4, 10, 0}, {8, 9'000, 1}}, 8, 8, {4, 4}},
      {"parties get the same, however many blobs",
       {{8, 900, 1, 0}, {8, 900, 1, 0}, {8, 900, 1, 0}, {8, 900, 1, 1}},
       12,
       12,
       {2, 2, 2, 6}},
      {"the spare limit holds", {{8, 900}, {8, 900}}, 16, 2, {2, 2}},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    EXPECT_EQ(ShareConnections(each.demands, each.total, each.spare), each.expected);
  }
}

}  // namespace
}  // namespace batuta::transfer
