#include "daemon/push/ignore_rules.h"

#include <optional>

#include <gmock/gmock.h>

namespace batuta::push {
namespace {

using ::testing::Optional;
using ::testing::StrEq;

TEST(IgnoreRules, TheLastRuleThatFitsHolds) {
  IgnoreRules rules;
  rules.Enter("");
  rules.Add(".gitignore", "*.bin\n!keep.bin\n");
  EXPECT_THAT(rules.WhyIgnored("a.bin", false), Optional(StrEq("`*.bin` in .gitignore, line 1")));
  EXPECT_EQ(rules.WhyIgnored("keep.bin", false), std::nullopt);
}

TEST(IgnoreRules, AnInnerFolderHasTheLastWordUntilTheWalkLeavesIt) {
  IgnoreRules rules;
  rules.Enter("");
  rules.Add(".gitignore", "*.log\n");
  rules.Enter("data");
  rules.Add(".gitignore", "# ours\n!*.log\n/raw\n");
  EXPECT_EQ(rules.WhyIgnored("a.log", false), std::nullopt);
  EXPECT_THAT(rules.WhyIgnored("raw", true), Optional(StrEq("`/raw` in data/.gitignore, line 3")));
  rules.Enter("data/more");
  EXPECT_EQ(rules.WhyIgnored("raw", true), std::nullopt);
  rules.Leave();
  rules.Leave();
  EXPECT_NE(rules.WhyIgnored("a.log", false), std::nullopt);
  EXPECT_EQ(rules.WhyIgnored("raw", true), std::nullopt);
}

TEST(IgnoreRules, OurOwnFileHasTheLastWordInAFolder) {
  IgnoreRules rules;
  rules.Enter("");
  rules.Add(".gitignore", "*.safetensors\n");
  rules.Add(".batutaignore", "!model.safetensors\nnotes.md\n");
  EXPECT_EQ(rules.WhyIgnored("model.safetensors", false), std::nullopt);
  EXPECT_NE(rules.WhyIgnored("notes.md", false), std::nullopt);
}

TEST(IgnoreRules, WhatTheHubNeverTakesNoRuleCanBringIn) {
  IgnoreRules rules;
  rules.Enter("");
  rules.Add(".gitignore", "!.git\n!huggingface\n");
  EXPECT_NE(rules.WhyIgnored(".git", true), std::nullopt);
  EXPECT_NE(rules.WhyIgnored(".git", false), std::nullopt);
  EXPECT_EQ(rules.WhyIgnored("huggingface", true), std::nullopt);
  rules.Enter(".cache");
  EXPECT_NE(rules.WhyIgnored("huggingface", true), std::nullopt);
}

TEST(IgnoreRules, LinesMayEndAsOnWindowsAndBeginWithAMark) {
  IgnoreRules rules;
  rules.Enter("");
  rules.Add(".gitignore", "\xEF\xBB\xBFone\r\ntwo\r\nthree");
  for (const char* name : {"one", "two", "three"}) EXPECT_NE(rules.WhyIgnored(name, false), std::nullopt);
}

}  // namespace
}  // namespace batuta::push
