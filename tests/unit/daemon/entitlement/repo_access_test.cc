#include "daemon/entitlement/repo_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::entitlement {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kAna = 1001;
constexpr uint32_t kBen = 1002;
constexpr Lifetimes kLifetimes{.grant = 24h, .proof = 5min};
const WallTime kNow = FromUnixMillis(1'790'000'000'000);

RepoAccess Closed(Gate gate, std::map<uint32_t, WallTime> proofs) {
  return {.gate = gate, .told_at = kNow, .proofs = std::move(proofs)};
}

struct Case {
  const char* name;
  RepoAccess access;
  Step online;
  Step offline;
};

class NextStepTest : public ::testing::TestWithParam<Case> {};

TEST_P(NextStepTest, IsWhatIsKnownOfAna) {
  const Case& given = GetParam();
  EXPECT_EQ(NextStep(&given.access, kAna, kNow, kLifetimes, true), given.online);
  EXPECT_EQ(NextStep(&given.access, kAna, kNow, kLifetimes, false), given.offline);
}

INSTANTIATE_TEST_SUITE_P(
    All, NextStepTest,
    ::testing::Values(
        Case{"PublicSinceNow", Closed(Gate::kPublic, {}), Step::kAdmit, Step::kAdmit},
        Case{"PublicLongAgo", {.gate = Gate::kPublic, .told_at = kNow - 5min}, Step::kAsk, Step::kAdmit},
        Case{"GatedAndProved", Closed(Gate::kGated, {{kAna, kNow - 1min}}), Step::kAdmit, Step::kAdmit},
        Case{"GatedAndProvedEarlier", Closed(Gate::kGated, {{kAna, kNow - 5min}}), Step::kAsk, Step::kAdmit},
        Case{"GatedAndProvedTooLongAgo", Closed(Gate::kGated, {{kAna, kNow - 24h}}), Step::kAsk,
             Step::kRefuse},
        Case{"GatedAndProvedByBen", Closed(Gate::kGated, {{kBen, kNow}}), Step::kAsk, Step::kRefuse},
        Case{"ProvedInTheFuture", Closed(Gate::kPrivate, {{kAna, kNow + 1s}}), Step::kAsk, Step::kRefuse},
        Case{"PrivateAndNothingProved", Closed(Gate::kPrivate, {}), Step::kAsk, Step::kRefuse}),
    [](const auto& test) { return test.param.name; });

TEST(NextStepTest, ACommitThatWasNotThereWhenTheRepoWasPublicIsAskedAbout) {
  const RepoAccess access{.gate = Gate::kPublic, .told_at = kNow, .commit = "33"};
  EXPECT_EQ(NextStep(&access, kAna, kNow, kLifetimes, true, "33"), Step::kAdmit);
  EXPECT_EQ(NextStep(&access, kAna, kNow, kLifetimes, true, ""), Step::kAdmit);
  EXPECT_EQ(NextStep(&access, kAna, kNow, kLifetimes, true, "44"), Step::kAsk);
}

TEST(NextStepTest, OfWhatIsNotKnownNobodyReads) {
  EXPECT_EQ(NextStep(nullptr, kAna, kNow, kLifetimes, true), Step::kAsk);
  EXPECT_EQ(NextStep(nullptr, kAna, kNow, kLifetimes, false), Step::kRefuse);
}

TEST(ReadersOfTest, AreTheGroupOfWhatIsPublicAndElseWhoHasProved) {
  EXPECT_TRUE(ReadersOf(Closed(Gate::kPublic, {{kAna, kNow}}), kNow, kLifetimes).group);
  EXPECT_THAT(ReadersOf(Closed(Gate::kPublic, {{kAna, kNow}}), kNow, kLifetimes).uids, IsEmpty());
  const cache::Readers readers =
      ReadersOf(Closed(Gate::kGated, {{kAna, kNow - 23h}, {kBen, kNow - 24h}}), kNow, kLifetimes);
  EXPECT_FALSE(readers.group);
  EXPECT_THAT(readers.uids, ElementsAre(kAna));
}

TEST(RepoAccessRecordTest, ComesBackAsItWas) {
  RepoAccess access = Closed(Gate::kGated, {{kAna, kNow}, {kBen, kNow - 1h}});
  access.commit = "33";
  EXPECT_EQ(Decode(Encode(access)), access);
  // One of before there were commits.
  EXPECT_TRUE(Decode(R"({"v":1,"gate":"public","told_ms":0,"proofs":{}})").has_value());
}

TEST(RepoAccessRecordTest, WhatIsNoneOpensNothing) {
  for (const char* text : {"", "{}", "[]", R"({"v":1,"gate":"open","told_ms":0,"proofs":{}})",
                           R"({"v":2,"gate":"public","told_ms":0,"proofs":{}})",
                           R"({"v":1,"gate":"public","told_ms":0,"proofs":{"ana":0}})",
                           R"({"v":1,"gate":"gated","told_ms":0,"proofs":{"99999999999999999999":0}})"}) {
    EXPECT_EQ(Decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace batuta::entitlement
