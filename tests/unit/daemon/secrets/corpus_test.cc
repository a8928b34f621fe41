// Secrets of every kind in every coding and container: how many are found where they are, and that nothing
// tells them.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/scanner.h"
#include "tests/support/archives/packed.h"
#include "tests/support/archives/parquet_model.h"
#include "tests/support/archives/tar_model.h"
#include "tests/support/archives/zip_model.h"
#include "tests/support/secrets/fake_secrets.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::secrets {
namespace {

struct Sample {
  std::string name;
  std::string bytes;
  std::string found_path;
  uint64_t found_line = 0;
};

std::string Zipped(std::string_view name, std::string_view content) {
  test::ZipModel model;
  model.members = {test::DeflatedMember(name, content)};
  return test::WriteZip(model);
}

std::string Tarred(std::string_view name, std::string_view content) {
  test::TarModel model;
  model.members = {test::TarFile(name, content)};
  return test::WriteTar(model);
}

std::string InLines(std::string_view text, size_t width) {
  std::string lines;
  for (size_t i = 0; i < text.size(); i += width) lines += std::string(text.substr(i, width)) + "\n";
  return lines;
}

std::vector<Sample> SamplesOf(const test::FakeSecret& fake, std::mt19937_64& random) {
  const std::string text = "first = 1\n" + fake.line + "\nlast = 2\n";
  const uint64_t line = 2 + fake.secret_line;
  const std::string coded = test::Base64(text);
  std::vector<Sample> samples;
  const auto add = [&](std::string name, std::string bytes, std::string path, uint64_t at) {
    samples.push_back({std::move(name), std::move(bytes), std::move(path), at});
  };
  add("a.ini", text, "a.ini", line);
  add("crlf.ini", "x\r\n" + fake.line + "\r\n", "crlf.ini", line);
  add("le.ini", test::Utf16(text, false, true), "le.ini", line);
  add("be.ini", test::Utf16(text, true, false), "be.ini", line);
  add("b.ini", "x = 1\ny = \"" + coded + "\"\n", "b.ini", 2);
  add("twice.ini", "x = 1\ny = " + test::Base64(coded) + "\n", "twice.ini", 2);
  add("url.ini", "x = 1\ny = " + test::Base64Url(text) + "\n", "url.ini", 2);
  add("hex.ini", "x = 1\ny = " + test::Hex(text) + "\n", "hex.ini", 2);
  add("percent.ini", "x = 1\ny = " + test::Percent(text) + "\n", "percent.ini", 2);
  add("packed.ini", "x = 1\ny = " + test::Base64(test::Gzipped(text)) + "\n", "packed.ini", 2);
  add("c.ini.gz", test::Gzipped(text), "c.ini.gz!c.ini", line);
  add("d.zip", Zipped("in/d.ini", text), "d.zip!in/d.ini", line);
  add("e.tar", Tarred("e.ini", text), "e.tar!e.ini", line);
  add("f.tgz", test::Gzipped(Tarred("in.zip", Zipped("f.ini", text))), "f.tgz!in.zip!f.ini", line);
  add("lines.ini", "x\n" + InLines(coded, 76), "lines.ini", 0);
  add("g.parquet", test::WriteParquet({{.path = {"text"}, .codec = 1, .pages = {{"first", text}, {"last"}}}}),
      "g.parquet!text", line + 1);
  std::string large;
  while (large.size() < (1 << 20) + (random() % 3000)) large += "word = 1\n";
  add("border.ini", large + fake.line + "\n" + large.substr(0, 4500), "border.ini",
      static_cast<uint64_t>(std::count(large.begin(), large.end(), '\n')) + 1 + fake.secret_line);
  return samples;
}

TEST(CorpusTest, FindsNinetyNineOfAHundredInEveryCodingAndContainer) {
  absl::StatusOr<Scanner> scanner = Scanner::Create(*RuleSet::BuiltIn());
  ASSERT_THAT(scanner, IsOk());
  std::map<std::string, std::pair<int, int>> of_coding;  // missed, all
  std::map<std::string, int> missed_kinds;
  std::set<std::string> kinds;
  std::set<std::string_view> possible;  // kinds that are not looked for in columns
  for (const CompiledRule& rule : (*RuleSet::BuiltIn())->rules()) {
    if (rule.rule.tier == Tier::kPossible) possible.insert(rule.rule.id);
  }
  int missed = 0;
  int total = 0;
  for (uint64_t seed = 100; seed < 102; ++seed) {
    test::FakeSecrets fakes(seed);
    for (const test::FakeSecret& fake : fakes.OfEveryKind()) {
      for (const Sample& sample : SamplesOf(fake, fakes.random())) {
        if (sample.name == "g.parquet" && possible.contains(fake.kind)) continue;
        safety::MemorySource source(sample.bytes);
        const absl::StatusOr<ScanReport> report = scanner->Scan(sample.name, source);
        ASSERT_THAT(report, IsOk());
        const bool is_found = std::ranges::any_of(report->findings, [&](const Finding& finding) {
          return finding.path == sample.found_path && finding.kind == fake.kind &&
                 (sample.found_line == 0 || finding.line == sample.found_line);
        });
        ++total;
        kinds.insert(fake.kind);
        ++of_coding[sample.name].second;
        if (!is_found) {
          ++missed;
          ++of_coding[sample.name].first;
          ++missed_kinds[fake.kind];
        }
        for (const Finding& finding : report->findings) {
          const std::string told =
              finding.path + finding.kind + finding.description + finding.excerpt + finding.fingerprint;
          EXPECT_EQ(told.find(fake.secret.substr(fake.secret.size() / 2, 8)), std::string::npos) << fake.kind;
        }
      }
    }
  }
  std::string details;
  for (const auto& [name, counts] : of_coding)
    details += fmt::format("{}: {} of {} missed\n", name, counts.first, counts.second);
  for (const auto& [kind, count] : missed_kinds) details += fmt::format("{}: missed {} times\n", kind, count);
  fmt::print(
      "recall: {} of {} secrets found where they are ({:.2f} %), of {} kinds in {} codings and "
      "containers\n{}",
      total - missed, total, 100.0 * (total - missed) / total, kinds.size(), of_coding.size(), details);
  EXPECT_LE(missed * 100, total);
}

}  // namespace
}  // namespace batuta::secrets
