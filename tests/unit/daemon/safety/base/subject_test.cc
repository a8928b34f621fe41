#include "daemon/safety/base/subject.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/rules.h"

namespace batuta::safety {
namespace {

constexpr Rule kCode{"test-code", Grade::kCode, "for the test"};
constexpr Rule kPickle{"test-pickle", Grade::kPickle, "for the test"};
constexpr Rule kInvalid{"test-invalid", Grade::kInvalid, "for the test"};
constexpr Rule kUnknown{"test-unknown", Grade::kUnknown, "for the test"};

// Finds another file in every file.
absl::Status FindsAnother(Subject& subject) {
  subject.Add(kPickle, 7, subject.name());
  return subject.Inspect("deeper", subject.bytes());
}

TEST(Report, TheFirstFindingOfAGradeIsKeptHoweverManyCameBefore) {
  Report report;
  for (size_t i = 0; i < kMostFindings + 5; ++i) report.Add(kPickle, "file", i, "again");
  report.Add(kCode, "file", 9, "at last");
  const Verdict verdict = std::move(report).Take();
  EXPECT_EQ(verdict.findings_left_out, 5U);
  ASSERT_NE(Worst(verdict), nullptr);
  EXPECT_EQ(Worst(verdict)->code, "test-code");
}

TEST(Report, TextFromTheFileCannotGarbleATerminal) {
  Report report;
  report.Add(kCode, "file", 0, "a\x1b[2Jb");
  EXPECT_THAT(std::move(report).Take().findings.front().text, testing::Not(testing::HasSubstr("\x1b")));
}

TEST(Subject, NamesTheWayToAMemberAndStopsWhereItIsTooDeep) {
  MemorySource bytes("x");
  Report report;
  Subject subject("model.bin", bytes, report, FindsAnother, {.depth = 1});
  ASSERT_TRUE((FindsAnother(subject)).ok());
  const Verdict verdict = std::move(report).Take();
  ASSERT_EQ(verdict.findings.size(), 3U);
  EXPECT_EQ(verdict.findings[1].place, "model.bin » deeper");
  EXPECT_EQ(verdict.findings[2].code, rules::kTooDeep.code);
}

TEST(Subject, OnlyTheFileItselfSaysItsFormat) {
  MemorySource bytes("x");
  Report report;
  Subject subject("model.bin", bytes, report, [](Subject& part) {
    part.SetFormat("inner");
    return absl::OkStatus();
  });
  subject.SetFormat("outer");
  ASSERT_TRUE((subject.Inspect("member", bytes)).ok());
  EXPECT_EQ(std::move(report).Take().format, "outer");
}

TEST(Subject, AContainerThatKnowsWhatAPartIsChoosesTheParser) {
  MemorySource bytes("x");
  Report report;
  Subject subject("model.bin", bytes, report, FindsAnother);
  ASSERT_TRUE(subject
                  .InspectAs("data.pkl", bytes,
                             [](Subject& part) {
                               part.Add(kCode, 3, "looked at");
                               return absl::OkStatus();
                             })
                  .ok());
  const Verdict verdict = std::move(report).Take();
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_EQ(verdict.findings[0].place, "model.bin » data.pkl");
}

TEST(Report, TheFileAsAWholeMayExpandToSoManyTimesItsSize) {
  const std::string bytes(10'000, 'x');
  MemorySource source(bytes);
  Report report;
  const Subject subject("model.zip", source, report, FindsAnother, {.expansion = 200});
  EXPECT_TRUE(report.TakeExpanded(1'500'000));
  EXPECT_FALSE(report.TakeExpanded(500'001));
  EXPECT_TRUE(report.TakeExpanded(500'000));
  EXPECT_EQ(ExpandableBytes(1, {}), uint64_t{1} << 20);
  EXPECT_EQ(ExpandableBytes(UINT64_MAX, {.expanded_bytes = 7 << 20}), uint64_t{7} << 20);
}

Verdict Of(std::initializer_list<const Rule*> rules, bool pickle = false) {
  Report report;
  if (pickle) report.SawPickle();
  for (const Rule* rule : rules) report.Add(*rule, "file", 0, "found");
  return std::move(report).Take();
}

TEST(Judgement, UnsafeWinsOverInvalidAndInvalidOverUnknown) {
  EXPECT_EQ(Judgement(Of({})), "safe");
  EXPECT_EQ(Judgement(Of({&kUnknown})), "unknown");
  EXPECT_EQ(Judgement(Of({&kUnknown, &kInvalid})), "invalid");
  EXPECT_EQ(Judgement(Of({&kUnknown, &kInvalid, &kPickle})), "unsafe");
}

TEST(Judgement, APickleIsCleanOnlyWhenNothingElseWasFound) {
  EXPECT_EQ(PickleJudgement(Of({})), "none");
  EXPECT_EQ(PickleJudgement(Of({&kPickle}, true)), "clean");
  EXPECT_EQ(PickleJudgement(Of({&kPickle, &kInvalid}, true)), "dangerous");
}

}  // namespace
}  // namespace batuta::safety
