#include "client/commands/near_miss.h"

#include <string>

#include <gtest/gtest.h>

namespace batuta::client {
namespace {

TEST(EditDistanceTest, CountsOneForEachSlip) {
  EXPECT_EQ(EditDistance("pull", "pull"), 0u);
  EXPECT_EQ(EditDistance("pull", "PULL"), 0u);
  EXPECT_EQ(EditDistance("pul", "pull"), 1u);
  EXPECT_EQ(EditDistance("pulll", "pull"), 1u);
  EXPECT_EQ(EditDistance("pall", "pull"), 1u);
  EXPECT_EQ(EditDistance("plul", "pull"), 1u) << "neighbours swapped";
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance(std::string(1000, 'x'), "x"), 1000u);
}

TEST(NearMissTest, FindsWhatWasMeant) {
  const struct {
    std::string word;
    std::string expected;
  } rows[] = {{"serach", "search"}, {"Pull", "pull"}, {"sear", "search"}, {"xyz", ""},
              {"jbos", "jobs"},     {"", ""},         {"p", ""}};

  for (const auto& row : rows)
    EXPECT_EQ(NearMiss(row.word, {"search", "pull", "jobs"}), row.expected) << row.word;
  EXPECT_EQ(NearMiss("anything", {}), "");
}

}  // namespace
}  // namespace batuta::client
