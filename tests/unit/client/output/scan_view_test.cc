#include "client/output/scan_view.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

using nlohmann::json;

v1::Inspection Safe(const std::string& path) {
  v1::Inspection file;
  file.mutable_file()->set_path(path);
  file.mutable_file()->set_verdict("safe");
  file.mutable_file()->set_format("safetensors");
  file.mutable_file()->set_pickle("none");
  return file;
}

v1::Inspection Unsafe(const std::string& path) {
  v1::Inspection file = Safe(path);
  file.mutable_file()->set_verdict("unsafe");
  file.mutable_file()->set_format("torch zip");
  file.mutable_file()->set_code("pickle-dangerous");
  file.mutable_file()->set_reason("calls os.system");
  for (const char* place : {"", "archive/data.pkl"}) {
    v1::InspectionFinding& finding = *file.add_findings();
    finding.set_code(*place == '\0' ? "zip-gap" : "pickle-dangerous");
    finding.set_meaning("a reason");
    finding.set_grade(*place == '\0' ? "invalid" : "malicious");
    finding.set_place(place);
    finding.set_offset(31);
    finding.set_text("what \"it\" is");
  }
  return file;
}

v1::Inspection Stopped(const std::string& path) {
  v1::Inspection file = Safe(path);
  file.mutable_file()->set_verdict("unknown");
  file.mutable_file()->set_code("inspector-stopped");
  file.mutable_file()->set_reason("the inspector stopped on it");
  return file;
}

std::string DataOf(OutputFormat format, const ScanReport& report) {
  TestOutput test({.format = format});
  PrintScan(test.output, report);
  EXPECT_TRUE(test.output.Finish().ok());
  return test.data.text;
}

TEST(ScanView, SaysWhatDecidedAndHowMuchMoreThereIs) {
  EXPECT_EQ(ScanLine(Unsafe("a\x1b.bin")), "unsafe   a\\x1b.bin  (torch zip): calls os.system (and 1 more)");
  EXPECT_EQ(ScanLine(Safe("a")), "safe     a  (safetensors)");
  EXPECT_EQ(DataOf(OutputFormat::kHuman, {{Safe("a"), Unsafe("b"), Stopped("c")}}),
            "3 files: 1 safe, 1 unsafe, 1 unknown\n");
  EXPECT_EQ(DataOf(OutputFormat::kHuman, {{Safe("a")}}), "1 file: 1 safe\n");
  EXPECT_EQ(DataOf(OutputFormat::kQuiet, {{Safe("a"), Unsafe("b"), Stopped("c")}}), "unsafe b\nunknown c\n");
}

TEST(ScanView, JsonHasTheKeysOfTheContract) {
  const json document = json::parse(DataOf(OutputFormat::kJson, {{Safe("a"), Unsafe("b")}}));
  EXPECT_TRUE(document["findings"].empty());
  EXPECT_EQ(document["files"][0]["verdict"], "safe");
  EXPECT_TRUE(document["files"][0]["reason"].is_null());
  EXPECT_EQ(document["files"][1]["path"], "b");
  EXPECT_EQ(document["files"][1]["format"], "torch zip");
  EXPECT_EQ(document["files"][1]["reason"], "calls os.system");
  EXPECT_EQ(document["files"][1]["pickle"], "none");
  EXPECT_EQ(document["files"][1]["findings"][1]["place"], "archive/data.pkl");
  EXPECT_EQ(json::parse(DataOf(OutputFormat::kJson, {}))["files"].size(), 0U);
}

TEST(ScanView, SarifHasARuleForEachCodeAndAResultForEachFinding) {
  const json document = json::parse(SarifText({{Safe("a"), Unsafe("b c/ü.bin"), Stopped("d")}}, "1.2"));
  EXPECT_EQ(document["version"], "2.1.0");
  const json& run = document["runs"][0];
  const json& rules = run["tool"]["driver"]["rules"];
  ASSERT_EQ(rules.size(), 3U);
  ASSERT_EQ(run["results"].size(), 3U);
  for (const json& result : run["results"])
    EXPECT_EQ(rules[result["ruleIndex"].get<size_t>()]["id"], result["ruleId"]);
  const json& gap = run["results"][0];
  EXPECT_EQ(gap["level"], "warning");
  EXPECT_EQ(gap["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "b%20c/%C3%BC.bin");
  EXPECT_EQ(gap["locations"][0]["physicalLocation"]["region"]["byteOffset"], 31);
  const json& inside = run["results"][1];
  EXPECT_EQ(inside["level"], "error");
  EXPECT_EQ(inside["message"]["text"], "archive/data.pkl: what \"it\" is");
  EXPECT_FALSE(inside["locations"][0]["physicalLocation"]["region"].contains("byteOffset"));
  EXPECT_EQ(run["results"][2]["ruleId"], "inspector-stopped");
}

v1::Inspection WithSecret(v1::Inspection file, const std::string& inside) {
  v1::SecretFinding& secret = *file.add_secrets();
  secret.set_path(file.file().path() + inside);
  secret.set_line(3);
  secret.set_column(7);
  secret.set_kind("hf-token");
  secret.set_description("a token");
  secret.set_tier("certain");
  secret.set_excerpt("hf_…9x (37 characters)");
  secret.set_fingerprint(secret.path() + ":hf-token:3");
  file.set_secrets_allowed(2);
  return file;
}

TEST(ScanView, SecretsAreFindingsWithTheirPlace) {
  ScanReport report{.files = {WithSecret(Safe("a"), ""), WithSecret(Safe("b.zip"), "!c")},
                    .has_secrets = true};
  report.files[1].add_unread("b.zip: encrypted");
  const json document = json::parse(DataOf(OutputFormat::kJson, report));
  ASSERT_EQ(document["findings"].size(), 2U);
  EXPECT_EQ(document["findings"][0]["path"], "a");
  EXPECT_EQ(document["findings"][0]["line"], 3);
  EXPECT_EQ(document["findings"][0]["kind"], "hf-token");
  EXPECT_EQ(document["findings"][1]["fingerprint"], "b.zip!c:hf-token:3");
  EXPECT_EQ(document["unread"][0], "b.zip: encrypted");
  EXPECT_EQ(document["allowed"], 4);
  EXPECT_EQ(SecretLine(report.files[0].secrets(0)),
            "secret   a:3:7  hf-token: a token, hf_…9x (37 characters)");
  EXPECT_EQ(DataOf(OutputFormat::kHuman, report), "2 files: 2 safe; 2 secrets\n");
  EXPECT_EQ(DataOf(OutputFormat::kQuiet, report), "secret a:3 hf-token\nsecret b.zip!c:3 hf-token\n");
  report.has_verdicts = false;
  EXPECT_TRUE(json::parse(DataOf(OutputFormat::kJson, report))["files"].empty());
}

TEST(ScanView, SarifHasSecretsWithTheirLine) {
  const json document =
      json::parse(SarifText({.files = {WithSecret(Safe("a"), ""), WithSecret(Safe("b.zip"), "!c")}}, "1.2"));
  const json& results = document["runs"][0]["results"];
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0]["ruleId"], "hf-token");
  EXPECT_EQ(results[0]["level"], "error");
  const json& place = results[0]["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["region"]["startLine"], 3);
  EXPECT_EQ(place["region"]["startColumn"], 7);
  EXPECT_EQ(results[0]["partialFingerprints"]["batuta/v1"], "a:hf-token:3");
  EXPECT_EQ(results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "b.zip");
  EXPECT_EQ(results[1]["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
}

}  // namespace
}  // namespace batuta::client
