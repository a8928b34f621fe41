#include <algorithm>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "daemon/secrets/rule_set.h"
#include "daemon/secrets/scanner.h"
#include "tests/support/secrets/fake_secrets.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::secrets {
namespace {

ScanReport Scan(std::string_view path, std::string_view text) {
  absl::StatusOr<std::shared_ptr<const RuleSet>> rules = RuleSet::BuiltIn();
  EXPECT_THAT(rules, IsOk());
  absl::StatusOr<Scanner> scanner = Scanner::Create(*rules);
  EXPECT_THAT(scanner, IsOk());
  safety::MemorySource source(text);
  absl::StatusOr<ScanReport> report = scanner->Scan(path, source);
  EXPECT_THAT(report, IsOk());
  return *std::move(report);
}

TEST(KindsTest, EveryRuleHasAFakeAndAName) {
  std::set<std::string> fakes;
  for (const test::FakeSecret& fake : test::FakeSecrets(1).OfEveryKind()) fakes.insert(fake.kind);
  absl::StatusOr<std::shared_ptr<const RuleSet>> rules = RuleSet::BuiltIn();
  ASSERT_THAT(rules, IsOk());
  std::set<std::string> ids;
  for (const CompiledRule& rule : (*rules)->rules()) {
    const std::string id(rule.rule.id);
    EXPECT_TRUE(ids.insert(id).second) << id;
    EXPECT_TRUE(fakes.contains(id)) << id;
    EXPECT_FALSE(rule.rule.description.empty()) << id;
    EXPECT_FALSE(rule.rule.literals.empty()) << id;
    if (rule.rule.pattern.empty()) continue;
    EXPECT_TRUE(rule.pattern().ok()) << id << ": " << rule.pattern().error();
  }
  EXPECT_GE(ids.size(), 120U);
}

TEST(KindsTest, FindsSecretsOfEveryKindOnTheirLine) {
  constexpr int kSeeds = 20;
  int total = 0;
  std::map<std::string, int> missed;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const test::FakeSecret& fake : test::FakeSecrets(seed).OfEveryKind()) {
      const ScanReport report = Scan("settings.ini", "first = 1\n" + fake.line + "\nlast = 2\n");
      ++total;
      const bool is_found = std::ranges::any_of(report.findings, [&](const Finding& finding) {
        return finding.kind == fake.kind && finding.line == 2 + fake.secret_line;
      });
      if (!is_found) ++missed[fake.kind];
      for (const Finding& finding : report.findings) {
        EXPECT_EQ(finding.excerpt.find(fake.secret), std::string::npos) << fake.kind;
      }
    }
  }
  int misses = 0;
  for (const auto& [kind, count] : missed) {
    misses += count;
    // Chance makes a value now and then that looks like none.
    EXPECT_LE(count, kSeeds / 10) << kind << " was missed " << count << " times";
  }
  EXPECT_LE(misses * 100, total) << misses << " of " << total;
}

TEST(KindsTest, LongerRunsAreAnotherThing) {
  test::FakeSecrets fakes(7);
  const std::string token = fakes.Of("hf-token").secret;
  EXPECT_EQ(Scan("a.txt", token).findings.size(), 1U);
  EXPECT_TRUE(Scan("a.txt", token + "x").findings.empty());
  EXPECT_TRUE(Scan("a.txt", "x" + token).findings.empty());
  EXPECT_TRUE(Scan("a.txt", token.substr(0, 36)).findings.empty());
}

}  // namespace
}  // namespace batuta::secrets
