#include "daemon/review/resemblance.h"

#include <string>

#include <gmock/gmock.h>

namespace batuta::review {
namespace {

using testing::AllOf;
using testing::Gt;
using testing::Le;
using testing::Lt;

uint32_t Far(std::string_view a, std::string_view b) {
  return Distance(a, b, 1'000);
}

TEST(DistanceTest, TheSameIsNotApart) {
  EXPECT_EQ(Far("openai", "openai"), 0u);
}

TEST(DistanceTest, OneLetterIsOneLetter) {
  EXPECT_EQ(Far("openai", "opensai"), kOneLetter);
  EXPECT_EQ(Far("openai", "opeai"), kOneLetter);
  EXPECT_EQ(Far("nvidia", "nvidix"), kOneLetter);
}

TEST(DistanceTest, WhatTheEyeTakesForTheOtherCountsLeast) {
  EXPECT_THAT(Far("openai", "openal"), AllOf(Gt(0u), Lt(kOneLetter / 2)));
  EXPECT_LT(Far("salesforce", "sa1esforce"), Far("salesforce", "sakesforce"));
}

TEST(DistanceTest, SlipsOfTheFingerCountLess) {
  EXPECT_LE(Far("google", "googel"), kOneLetter / 2);   // swapped
  EXPECT_LE(Far("google", "gooogle"), kOneLetter / 2);  // doubled
  EXPECT_LE(Far("google", "gogle"), kOneLetter / 2);    // not doubled
  EXPECT_LT(Far("tencent", "tencwnt"), kOneLetter);     // the key beside it
  EXPECT_EQ(Far("tencent", "tencpnt"), kOneLetter);     // another one
}

TEST(DistanceTest, NumbersTellThingsApart) {
  EXPECT_GT(Far("team1", "team2"), kOneLetter);
  EXPECT_GT(Far("team1", "team13"), kOneLetter);
}

TEST(DistanceTest, TheFirstLetterIsSeldomWrong) {
  EXPECT_EQ(Far("rinna", "tinna"), kOneLetter);
  EXPECT_LT(Far("rinna", "rimna"), kOneLetter);
}

TEST(DistanceTest, IsTheSameBothWays) {
  for (const auto& [a, b] : {std::pair("mistralai", "mitsralai"), std::pair("google", "gogle"),
                             std::pair("abc", ""), std::pair("a1b2", "b2a1")}) {
    EXPECT_EQ(Far(a, b), Far(b, a)) << a << ' ' << b;
  }
}

TEST(DistanceTest, FarAwaySaysNoMoreThanThat) {
  EXPECT_EQ(Distance("openai", "microsoft", kOneLetter), kOneLetter + 1);
  EXPECT_EQ(Distance(std::string(100'000, 'a'), "a", kOneLetter), kOneLetter + 1);
}

}  // namespace
}  // namespace batuta::review
