#include "daemon/secrets/user_rules.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/scanner.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::secrets {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::vector<std::string> Kinds(std::string_view toml, std::string_view path, std::string_view text) {
  absl::StatusOr<UserRules> user = ParseGitleaksToml(toml);
  EXPECT_THAT(user, IsOk());
  absl::StatusOr<std::shared_ptr<const RuleSet>> rules = RuleSet::Make(*std::move(user));
  EXPECT_THAT(rules, IsOk());
  absl::StatusOr<Scanner> scanner = Scanner::Create(*rules);
  safety::MemorySource source(text);
  const absl::StatusOr<ScanReport> report = scanner->Scan(path, source);
  EXPECT_THAT(report, IsOk());
  std::vector<std::string> kinds;
  for (const Finding& finding : report->findings)
    kinds.push_back(finding.kind + "@" + std::to_string(finding.line));
  return kinds;
}

constexpr std::string_view kRule = R"toml(
title = "ours"
[[rules]]
id = "badge"
description = "a badge of ours"
regex = '''badge-([0-9]{6})'''
secretGroup = 1
keywords = ["BADGE-"]
path = '''\.ini$'''
[rules.allowlist]
stopwords = ["000"]
regexTarget = "line"
regexes = ['''nothing''']
[[allowlists]]
paths = ['''^vendor/''']
)toml";

TEST(UserRulesTest, AddsToTheBuiltInRules) {
  EXPECT_THAT(Kinds(kRule, "a.ini", "\nx = badge-123456\n"), testing::ElementsAre("badge@2"));
  EXPECT_THAT(Kinds(kRule, "a.txt", "\nx = badge-123456\n"), testing::IsEmpty());
  EXPECT_THAT(Kinds(kRule, "vendor/a.ini", "\nx = badge-123456\n"), testing::IsEmpty());
  EXPECT_THAT(Kinds(kRule, "a.ini", "x = badge-120006\ny = badge-123456 # nothing\nz = badge-654321\n"),
              testing::ElementsAre("badge@3"));
}

TEST(UserRulesTest, EntropyMustBeGreater) {
  constexpr std::string_view kToml = "[[rules]]\nid='e'\nregex='k=([a-z]+)'\nentropy=2.0\n";
  EXPECT_THAT(Kinds(kToml, "a.ini", "k=aabb\nk=abcdefg\n"), testing::ElementsAre("e@2"));
}

TEST(UserRulesTest, SaysWhatItCannotDo) {
  const absl::StatusOr<UserRules> rules = ParseGitleaksToml(
      "[extend]\nuseDefault=true\ndisabledRules=['x']\npath='y'\n[[rules]]\nid='a'\npath='x'\n"
      "[[rules]]\nid='b'\nregex='x'\n[[rules.required]]\nid='a'\n[[rules]]\nid='c'\nregex='x'\n");
  ASSERT_THAT(rules, IsOk());
  EXPECT_EQ(rules->rules.size(), 1U);
  for (const std::string_view part : {"disabledRules", "extend.path", "rule a", "`required`", "rule c"}) {
    EXPECT_THAT(rules->warnings, Contains(HasSubstr(part)));
  }
}

TEST(UserRulesTest, ARuleThatMakesNoSenseIsNamed) {
  for (const auto& [toml, part] :
       {std::pair("[[rules]]\nid='a'\nregex='('\n", "rule a"), std::pair("[[rules]]\nregex='x'\n", "no id"),
        std::pair("[[rules]]\nid='a'\n", "neither"),
        std::pair("[[rules]]\nid='a'\nregex='x'\nsecretGroup=2\n", "secretGroup"),
        std::pair("x = = 1", "line 1"),
        std::pair("[[rules]]\nid='a'\nregex='x'\n[rules.allowlist]\ncondition='maybe'\n", "condition")}) {
    const absl::StatusOr<UserRules> rules = ParseGitleaksToml(toml);
    EXPECT_THAT(rules, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(std::string(rules.status().message()), HasSubstr(part));
  }
}

}  // namespace
}  // namespace batuta::secrets
