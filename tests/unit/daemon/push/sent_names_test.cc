#include "daemon/push/sent_names.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::push {
namespace {

using secrets::Finding;
using secrets::ScanReport;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

constexpr std::string_view kSecret = "hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEf9x";

// As a scan of the path tells of the secret in it.
Finding In(std::string_view path, std::string_view secret, std::string kind = "hf-token",
           std::string excerpt = "hf_…9x (37 characters)") {
  return {.path = std::string(kNamePath),
          .line = 1,
          .column = path.find(secret) + 1,
          .kind = std::move(kind),
          .description = "a token",
          .tier = secrets::Tier::kCertain,
          .excerpt = std::move(excerpt),
          .fingerprint = "//name:hf-token:1"};
}

ScanReport Report(std::vector<Finding> findings) {
  ScanReport report;
  report.findings = std::move(findings);
  return report;
}

std::vector<std::string> FingerprintsOf(const ScanReport& report) {
  std::vector<std::string> fingerprints;
  for (const Finding& finding : report.findings) fingerprints.push_back(finding.fingerprint);
  return fingerprints;
}

TEST(NameFindingsTest, ShowsTheFolderAndNothingFromTheSecretOn) {
  const std::string path = "data/run-" + std::string(kSecret) + "-second.half/of.csv";
  NameFindings names;
  const ScanReport told = names.Tell(path, Report({In(path, kSecret)}));
  EXPECT_THAT(FingerprintsOf(told), ElementsAre("//name/data/hf_…9x (37 characters):hf-token:1"));
  EXPECT_EQ(told.findings[0].path, "the name of data/hf_…9x (37 characters)");
  EXPECT_EQ(told.findings[0].line, 1U);
  EXPECT_THAT(names.hidden(), ElementsAre(Pair(path, "data/hf_…9x (37 characters)")));
  EXPECT_EQ(names.Shown(path), "data/hf_…9x (37 characters)");
}

TEST(NameFindingsTest, ANameWithoutASecretIsShownAsItIs) {
  NameFindings names;
  EXPECT_THAT(names.Tell("data/a.csv", Report({})).findings, IsEmpty());
  EXPECT_THAT(names.hidden(), IsEmpty());
  EXPECT_EQ(names.Shown("data/a.csv"), "data/a.csv");
}

TEST(NameFindingsTest, OfTwoSecretsInOneNameNeitherIsShown) {
  const std::string path = "a/" + std::string(kSecret) + "/ghp_other.txt";
  NameFindings names;
  const ScanReport told = names.Tell(
      path, Report({In(path, "ghp_other", "github-token", "ghp_…er (40 characters)"), In(path, kSecret)}));
  EXPECT_THAT(FingerprintsOf(told), ElementsAre("//name/a/hf_…9x (37 characters):github-token:1",
                                                "//name/a/hf_…9x (37 characters):hf-token:1"));
  EXPECT_EQ(names.Shown(path), "a/hf_…9x (37 characters)");
}

TEST(NameFindingsTest, ASecretInTheNameOfAFolderIsToldOnce) {
  const std::string folder(kSecret);
  NameFindings names;
  EXPECT_THAT(names.Tell(folder + "/a", Report({In(folder, kSecret)})).findings, Not(IsEmpty()));
  EXPECT_THAT(names.Tell(folder + "/b/c", Report({In(folder, kSecret)})).findings, IsEmpty());
  EXPECT_EQ(names.hidden().size(), 2U);
}

TEST(NameFindingsTest, DifferentSecretsThatAreShownAlikeAreAllowedOneByOne) {
  const std::string one = "x/hf_one.txt";
  const std::string other = "x/hf_two.txt";
  NameFindings names;
  EXPECT_THAT(FingerprintsOf(names.Tell(one, Report({In(one, "hf_one")}))),
              ElementsAre("//name/x/hf_…9x (37 characters):hf-token:1"));
  EXPECT_THAT(FingerprintsOf(names.Tell(other, Report({In(other, "hf_two")}))),
              ElementsAre("//name/x/hf_…9x (37 characters):hf-token:2"));
}

TEST(NameFindingsTest, WhatIsLeftOutIsLeftOut) {
  const std::string path(kSecret);
  ScanReport many = Report({In(path, kSecret)});
  many.findings_left_out = 3;
  many.allowed = 2;
  NameFindings names;
  const ScanReport told = names.Tell(path, many);
  EXPECT_EQ(told.findings_left_out, 3U);
  EXPECT_EQ(told.allowed, 2U);
}

TEST(HideNamesTest, AHiddenNameStandsNowhereInThePlan) {
  const std::string path = "d/" + std::string(kSecret) + ".zip";
  PushPlan plan;
  plan.files = {{.path = path, .change = Change::kAdded, .warning = path + " is a pickle"},
                {.path = "fine.txt", .change = Change::kAdded}};
  plan.findings = {{.path = path + "!a.txt",
                    .line = 2,
                    .kind = "npm-token",
                    .description = "a token",
                    .excerpt = "npm_…",
                    .fingerprint = path + "!a.txt:npm-token:2"},
                   {.path = "fine.txt",
                    .kind = "npm-token",
                    .description = "",
                    .excerpt = "",
                    .fingerprint = "fine.txt:npm-token:1"}};
  plan.refusals = {{.path = path, .reason = "INVALID_CONTENT", .text = path + " is none"}};
  plan.warnings = {path + "!b: encrypted", "something else"};
  plan.card_diff = "+" + path;
  plan.card_sources = {path};
  HideNames({{path, "d/hf_…"}}, &plan);
  EXPECT_EQ(plan.files[0].path, "d/hf_…");
  EXPECT_EQ(plan.files[0].warning, "d/hf_… is a pickle");
  EXPECT_EQ(plan.files[1].path, "fine.txt");
  EXPECT_EQ(plan.findings[0].path, "d/hf_…!a.txt");
  EXPECT_EQ(plan.findings[0].fingerprint, "d/hf_…!a.txt:npm-token:2");
  EXPECT_EQ(plan.findings[1].fingerprint, "fine.txt:npm-token:1");
  EXPECT_EQ(plan.refusals[0].path, "d/hf_…");
  EXPECT_EQ(plan.refusals[0].text, "d/hf_… is none");
  EXPECT_THAT(plan.warnings, ElementsAre("d/hf_…!b: encrypted", "something else"));
  EXPECT_EQ(plan.card_diff, "");
  EXPECT_THAT(plan.card_sources, IsEmpty());
}

TEST(HideNamesTest, OfTwoNamesThatBeginAlikeBothAreHidden) {
  PushPlan plan;
  plan.warnings = {"hf_ab: odd", "hf_abc: odd"};
  HideNames({{"hf_ab", "one"}, {"hf_abc", "other"}}, &plan);
  EXPECT_THAT(plan.warnings, ElementsAre("one: odd", "other: odd"));
}

TEST(HideNamesTest, APlanWithoutOneStaysAsItIs) {
  PushPlan plan;
  plan.card_diff = "+a";
  HideNames({}, &plan);
  EXPECT_EQ(plan.card_diff, "+a");
}

}  // namespace
}  // namespace batuta::push
