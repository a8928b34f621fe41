#include "daemon/guard/consent.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::guard {
namespace {

using safety::Grade;
using safety::Grades;
using safety::Verdict;
using ::testing::HasSubstr;
using ::testing::Not;

Verdict Found(Grades grades) {
  Verdict verdict{.format = "pickle", .grades = grades};
  for (int i = 0; i < safety::kGradeCount; ++i) {
    const auto grade = static_cast<Grade>(i);
    if (!grades.Has(grade)) continue;
    verdict.findings.push_back({.code = "x-" + std::string(GradeName(grade)),
                                .grade = grade,
                                .place = "f",
                                .offset = 0,
                                .text = "found"});
  }
  return verdict;
}

bool IsAdmitted(const std::vector<std::string>& classes, bool allow_malicious, Grades grades) {
  const auto consent = MakeConsent(classes, allow_malicious);
  return consent.ok() && Admits(*consent, Found(grades));
}

TEST(ConsentTest, EachClassAdmitsItsOwnAndNothingElse) {
  struct Row {
    std::vector<std::string> classes;
    Grades admitted;
  };

  const Row rows[] = {
      {{}, {}},
      {{"pickle"}, {Grade::kPickle, Grade::kUnverified}},
      {{"code"}, {Grade::kCode}},
      {{"invalid"}, {Grade::kInvalid}},
      {{"unknown"}, {Grade::kUnknown}},
      {{"pickle", "code"}, {Grade::kPickle, Grade::kUnverified, Grade::kCode}},
  };
  for (const Row& row : rows) {
    EXPECT_TRUE(IsAdmitted(row.classes, false, {})) << "what is safe needs no consent";
    for (int i = 0; i < safety::kGradeCount; ++i) {
      const auto grade = static_cast<Grade>(i);
      EXPECT_EQ(IsAdmitted(row.classes, false, {grade}), row.admitted.Has(grade)) << GradeName(grade);
    }
  }
}

TEST(ConsentTest, OneFindingThatIsNotAdmittedIsEnoughToRefuse) {
  EXPECT_FALSE(IsAdmitted({"pickle"}, false, {Grade::kPickle, Grade::kMalicious}));
  EXPECT_FALSE(IsAdmitted({"pickle"}, false, {Grade::kPickle, Grade::kInvalid}));
}

TEST(ConsentTest, MaliciousNeedsAFlagOfItsOwnAndABombHasNone) {
  EXPECT_FALSE(IsAdmitted({"pickle", "code", "invalid", "unknown"}, false, {Grade::kMalicious}));
  EXPECT_TRUE(IsAdmitted({}, true, {Grade::kMalicious, Grade::kUnverified}));
  EXPECT_FALSE(IsAdmitted({"pickle", "code", "invalid", "unknown"}, true, {Grade::kBomb}));
}

TEST(ConsentTest, AnUnknownClassIsAnError) {
  EXPECT_THAT(MakeConsent({"pickle", "everything"}, false), HasReason("INVALID_ARGUMENT"));
}

TEST(RefusalTest, SaysTheRuleAndTheWayOut) {
  EXPECT_THAT(Refusal("a.bin", Found({Grade::kUnverified, Grade::kCode})), HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(HintOf(Refusal("a.bin", Found({Grade::kUnverified, Grade::kCode}))),
              HasSubstr("--allow-unsafe=pickle,code"));
  EXPECT_EQ(DetailsOf(Refusal("a.bin", Found({Grade::kCode}))).facts.at("code"), "x-code");
}

TEST(RefusalTest, WhatIsOnlyInvalidIsDamageAndNotDanger) {
  EXPECT_THAT(Refusal("a.safetensors", Found({Grade::kInvalid})), HasReason("INVALID_CONTENT"));
  EXPECT_THAT(Refusal("a.safetensors", Found({Grade::kInvalid, Grade::kPickle})),
              HasReason("UNSAFE_CONTENT"));
  EXPECT_THAT(Refusal("a.xyz", Found({Grade::kUnknown})), HasReason("UNSAFE_CONTENT"));
}

TEST(RefusalTest, NobodyIsToldToAdmitABombOrSentToTheEasyFlagForHarm) {
  EXPECT_THAT(HintOf(Refusal("a.zip", Found({Grade::kBomb}))), Not(HasSubstr("--allow")));
  EXPECT_THAT(HintOf(Refusal("a.bin", Found({Grade::kMalicious}))), Not(HasSubstr("--allow-unsafe")));
}

}  // namespace
}  // namespace batuta::guard
