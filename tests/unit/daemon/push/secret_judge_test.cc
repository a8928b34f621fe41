#include "daemon/push/secret_judge.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

using secrets::Finding;
using secrets::ScanReport;
using testing::ElementsAre;
using testing::IsEmpty;

Finding At(const std::string& path, uint64_t line) {
  return {.path = path,
          .line = line,
          .column = 1,
          .kind = "hf-token",
          .description = "Hugging Face access token",
          .tier = secrets::Tier::kCertain,
          .excerpt = "hf_…9x (37 characters)",
          .fingerprint = secrets::FingerprintOf(path, "hf-token", line)};
}

ScanReport Report(std::vector<Finding> findings) {
  ScanReport report;
  report.findings = std::move(findings);
  return report;
}

std::vector<std::string> FingerprintsOf(const SecretVerdict& verdict) {
  std::vector<std::string> fingerprints;
  for (const Finding& finding : verdict.findings) fingerprints.push_back(finding.fingerprint);
  return fingerprints;
}

TEST(SecretJudgeTest, EveryFindingBlocksThatNobodyAllowed) {
  const std::vector<std::string> allowances = {"b.py:hf-token:7"};
  SecretJudge judge(allowances, "# looked at\na.py:hf-token:2\n");
  judge.Add("b.py", Report({At("b.py", 7), At("b.py", 8)}));
  judge.Add("a.py", Report({At("a.py", 1), At("a.py", 2)}));
  const SecretVerdict verdict = judge.Finish();
  EXPECT_THAT(FingerprintsOf(verdict), ElementsAre("a.py:hf-token:1", "b.py:hf-token:8"));
  EXPECT_EQ(verdict.allowed, 2U);
  EXPECT_THAT(verdict.unused_allowances, IsEmpty());
  const absl::Status status = StatusOf(verdict);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(status, HasReason("SECRETS_FOUND"));
  EXPECT_THAT(std::string(MessageOf(status)),
              testing::HasSubstr("2 secrets were found, the first: \"a.py\", line 1"));
}

TEST(SecretJudgeTest, TellsAnAllowanceThatMatchedNothing) {
  const std::vector<std::string> allowances = {"a.py:hf-token:1", "a.py:hf-token:11", "c.py:*"};
  SecretJudge judge(allowances, "");
  judge.Add("a.py", Report({At("a.py", 1)}));
  judge.Add("c.py", Report({}));
  const SecretVerdict verdict = judge.Finish();
  EXPECT_THAT(verdict.unused_allowances, ElementsAre("a.py:hf-token:11", "c.py:*"));
  EXPECT_FALSE(verdict.blocks());
  EXPECT_THAT(StatusOf(verdict), IsOk());
}

TEST(SecretJudgeTest, AWholeFileIsAllowedWithWhatIsNotListedAndWithItsMembers) {
  const std::vector<std::string> allowances = {"fakes.zip:*"};
  SecretJudge judge(allowances, "");
  ScanReport many = Report({At("fakes.zip!a", 1), At("fakes.zip!b", 2)});
  many.findings_left_out = 50;
  judge.Add("fakes.zip", std::move(many));
  const SecretVerdict verdict = judge.Finish();
  EXPECT_FALSE(verdict.blocks());
  EXPECT_EQ(verdict.allowed, 52U);
}

TEST(SecretJudgeTest, AFileWhoseFindingsAreAllListedIsNotAllowedAsAWhole) {
  const std::vector<std::string> allowances = {"a.py:*"};
  SecretJudge judge(allowances, "");
  judge.Add("a.py", Report({At("a.py", 1)}));
  const SecretVerdict verdict = judge.Finish();
  EXPECT_TRUE(verdict.blocks());
  EXPECT_THAT(verdict.unused_allowances, ElementsAre("a.py:*"));
}

TEST(SecretJudgeTest, WhatIsNotListedBlocksToo) {
  const std::vector<std::string> allowances = {"a.py:hf-token:1"};
  SecretJudge judge(allowances, "");
  ScanReport report = Report({At("a.py", 1)});
  report.findings_left_out = 7;
  judge.Add("a.py", std::move(report));
  const SecretVerdict verdict = judge.Finish();
  EXPECT_THAT(FingerprintsOf(verdict), ElementsAre("a.py:*"));
  EXPECT_EQ(verdict.findings[0].description, "7 more, which are not listed");
  EXPECT_EQ(verdict.findings_left_out, 6U);
  EXPECT_THAT(StatusOf(verdict), HasReason("SECRETS_FOUND"));
}

TEST(SecretJudgeTest, ListsTheSameOnesInWhateverOrderFilesCome) {
  const auto judged = [](bool is_backwards) {
    SecretJudge judge({}, "");
    for (int i = 0; i < 300; ++i) {
      const std::string path = "f" + std::to_string(1000 + (is_backwards ? 299 - i : i));
      std::vector<Finding> findings;
      for (uint64_t line = 1; line <= 10; ++line) findings.push_back(At(path, line));
      judge.Add(path, Report(std::move(findings)));
    }
    return judge.Finish();
  };
  const SecretVerdict forwards = judged(false);
  const SecretVerdict backwards = judged(true);
  EXPECT_EQ(forwards.findings, backwards.findings);
  EXPECT_EQ(forwards.findings.size(), SecretVerdict::kMostListed);
  EXPECT_EQ(forwards.findings_left_out, 2000U);
  EXPECT_EQ(backwards.findings_left_out, 2000U);
}

}  // namespace
}  // namespace batuta::push
