#include "daemon/hub/freshness.h"

#include <vector>

#include <gmock/gmock.h>

namespace batuta::hub {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

constexpr Lifetimes kLifetimes{.revision = 60s, .search = 50s, .identity = 300s, .refusal = 30s};
const WallTime kNow = FromUnixMillis(1'000'000'000'000);

Known Learned(Duration ago, bool has_etag = false) {
  return {.at = kNow - ago, .has_etag = has_etag};
}

TEST(FreshnessTest, WhatASubjectIsDecidesHowLongAnAnswerHolds) {
  struct Case {
    Subject subject;
    Duration age;
    Use use;
  };

  const std::vector<Case> cases = {
      {Subject::kTree, std::chrono::hours(100'000), Use::kAnswer},
      {Subject::kCommit, std::chrono::hours(100'000), Use::kAnswer},
      {Subject::kRevision, 59s, Use::kAnswer},
      {Subject::kRevision, 60s, Use::kAsk},
      {Subject::kSearch, 49s, Use::kAnswer},
      {Subject::kSearch, 50s, Use::kAsk},
      {Subject::kIdentity, 299s, Use::kAnswer},
      {Subject::kIdentity, 300s, Use::kAsk},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Decide(c.subject, Memory::kUse, false, Learned(c.age), kNow, kLifetimes), c.use)
        << static_cast<int>(c.subject);
  }
}

TEST(FreshnessTest, WhatIsNotKnownIsAsked) {
  EXPECT_EQ(Decide(Subject::kTree, Memory::kUse, false, std::nullopt, kNow, kLifetimes), Use::kAsk);
}

TEST(FreshnessTest, AStaleAnswerWithAnEtagIsAskedForConditionally) {
  EXPECT_EQ(Decide(Subject::kRevision, Memory::kUse, false, Learned(90s, true), kNow, kLifetimes),
            Use::kAskIfChanged);
}

TEST(FreshnessTest, ARequestToRenewAsksForEverythingThatCanHaveChanged) {
  for (const Subject subject : {Subject::kCommit, Subject::kRevision, Subject::kSearch, Subject::kIdentity}) {
    EXPECT_EQ(Decide(subject, Memory::kRenew, false, Learned(1s), kNow, kLifetimes), Use::kAsk);
    EXPECT_EQ(Decide(subject, Memory::kRenew, false, Learned(1s, true), kNow, kLifetimes),
              Use::kAskIfChanged);
  }
  EXPECT_EQ(Decide(Subject::kTree, Memory::kRenew, false, Learned(1s), kNow, kLifetimes), Use::kAnswer);
}

TEST(FreshnessTest, ADoubtedAnswerIsAskedForAsIfItWereNotThere) {
  EXPECT_EQ(Decide(Subject::kTree, Memory::kUse, true, Learned(1s, true), kNow, kLifetimes), Use::kAsk);
  EXPECT_EQ(Decide(Subject::kTree, Memory::kOnly, true, Learned(1s, true), kNow, kLifetimes), Use::kMiss);
}

TEST(FreshnessTest, OfflineTakesAnyAgeAndAsksNothing) {
  EXPECT_EQ(
      Decide(Subject::kSearch, Memory::kOnly, false, Learned(std::chrono::hours(1'000)), kNow, kLifetimes),
      Use::kAnswer);
  EXPECT_EQ(Decide(Subject::kSearch, Memory::kOnly, false, std::nullopt, kNow, kLifetimes), Use::kMiss);
}

TEST(FreshnessTest, AClockSetBackMakesNothingHoldForEver) {
  EXPECT_EQ(Decide(Subject::kRevision, Memory::kUse, false, Learned(-1h), kNow, kLifetimes), Use::kAsk);
}

TEST(FreshnessTest, ALifetimeOfZeroIsNone) {
  EXPECT_FALSE(IsFresh(kNow, kNow, 0s));
  EXPECT_TRUE(IsFresh(kNow, kNow, 1ms));
}

}  // namespace
}  // namespace batuta::hub
