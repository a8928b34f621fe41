#include "daemon/secrets/scanner.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/secrets/ignore_list.h"
#include "tests/support/archives/packed.h"
#include "tests/support/archives/tar_model.h"
#include "tests/support/archives/zip_model.h"
#include "tests/support/formats/safetensors.h"
#include "tests/support/secrets/fake_secrets.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::secrets {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string Zip(std::vector<test::ZipMember> members, std::string comment = "") {
  test::ZipModel model;
  model.members = std::move(members);
  model.comment = std::move(comment);
  return test::WriteZip(model);
}

class ScannerTest : public testing::Test {
 protected:
  ScanReport Scan(std::string_view path, std::string_view bytes, Scanner::Options options = {}) {
    absl::StatusOr<Scanner> scanner = Scanner::Create(*RuleSet::BuiltIn(), options);
    EXPECT_THAT(scanner, IsOk());
    safety::MemorySource source(bytes);
    absl::StatusOr<ScanReport> report = scanner->Scan(path, source);
    EXPECT_THAT(report, IsOk());
    return *std::move(report);
  }

  // "path:line:kind" of each.
  std::vector<std::string> Places(std::string_view path, std::string_view bytes) {
    std::vector<std::string> places;
    for (const Finding& finding : Scan(path, bytes).findings) {
      places.push_back(fmt::format("{}:{}:{}", finding.path, finding.line, finding.kind));
    }
    return places;
  }

  test::FakeSecrets fakes_{11};
  std::string token_ = fakes_.Of("hf-token").secret;
};

TEST_F(ScannerTest, SaysWhereAndShowsNothingOfTheSecret) {
  const ScanReport report = Scan("src/a.py", "import os\n\n  login(\"" + token_ + "\")\n");
  ASSERT_THAT(report.findings, SizeIs(1));
  const Finding& finding = report.findings[0];
  EXPECT_EQ(finding.line, 3U);
  EXPECT_EQ(finding.column, 10U);
  EXPECT_EQ(finding.fingerprint, "src/a.py:hf-token:3");
  EXPECT_EQ(finding.excerpt, "hf_…" + token_.substr(35) + " (37 characters)");
}

TEST_F(ScannerTest, FindsTokensAtEveryOffsetAroundTheEndsOfBlocks) {
  // Blocks end a mebibyte and some apart, and what overlaps begins before.
  std::string text;
  for (int i = 0; i < 45'000; ++i)
    text += fmt::format("line {} of some prose that says nothing at all today\n", i);
  ASSERT_GT(text.size(), 2'400'000U);
  for (const size_t border :
       {size_t{1} << 20, (size_t{1} << 20) + 1024, (size_t{1} << 20) + 1024 + (32 << 10), size_t{2} << 20,
        (size_t{2} << 20) + 1024}) {
    for (int shift = -40; shift <= 40; shift += 5) {
      const size_t at = border + static_cast<size_t>(shift + 64) - 64;
      std::string with = text;
      with.replace(at, token_.size() + 2, " " + token_ + " ");
      const auto line = static_cast<uint64_t>(std::count(
                            with.begin(), with.begin() + static_cast<std::ptrdiff_t>(at + 1), '\n')) +
                        1;
      EXPECT_THAT(Places("a.txt", with), ElementsAre(fmt::format("a.txt:{}:hf-token", line)))
          << border << " " << shift;
    }
  }
}

TEST_F(ScannerTest, OneLineOfMegabytesIsNoObstacle) {
  std::string text = "{\"text\": \"";
  while (text.size() < 3'000'000) text += "some words ";
  text += "\\n" + token_ + "\"}";
  EXPECT_THAT(Places("a.json", text), ElementsAre("a.json:1:hf-token"));
  EXPECT_EQ(Scan("a.json", text).findings[0].column, text.size() - token_.size() - 1);
}

TEST_F(ScannerTest, ReadsAllCodings) {
  const std::string text = "# settings\ntoken: " + token_ + "\n";
  const std::string line = "token: " + token_;
  EXPECT_THAT(Places("a.txt", test::Utf16(text, false, true)), ElementsAre("a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt", test::Utf16(text, true, false)), ElementsAre("a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt", "\nx = " + test::Base64(line)), ElementsAre("a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt", "\nx = " + test::Base64(test::Base64(line))), ElementsAre("a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt", "\nx = " + test::Base64Url(line)), ElementsAre("a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt", "\nx = " + test::Hex(line)), ElementsAre("a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt", "\nx?" + test::Percent(line)), ElementsAre("a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt", "\nx = " + test::Base64(test::Gzipped(line))), ElementsAre("a.txt:2:hf-token"));
}

TEST_F(ScannerTest, WalksArchivesInsideOfArchives) {
  const std::string text = "\ntoken: " + token_ + "\n";
  const std::string zip = Zip({test::DeflatedMember("in/a.txt", text), test::StoredMember("b.txt", "fine")});
  const std::string tar =
      test::WriteTar({.members = {test::TarFile("c.txt", text), test::TarFile("d.zip", zip)}});
  EXPECT_THAT(Places("x.zip", zip), ElementsAre("x.zip!in/a.txt:2:hf-token"));
  EXPECT_THAT(Places("x.tar", tar), ElementsAre("x.tar!c.txt:2:hf-token", "x.tar!d.zip!in/a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt.gz", test::Gzipped(text)), ElementsAre("a.txt.gz!a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt.zst", test::Zstded(text)), ElementsAre("a.txt.zst!a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt.xz", test::Xzed(text)), ElementsAre("a.txt.xz!a.txt:2:hf-token"));
  EXPECT_THAT(Places("a.txt.bz2", test::Bzipped(text)), ElementsAre("a.txt.bz2!a.txt:2:hf-token"));
  EXPECT_THAT(Places("x.tar.gz", test::Gzipped(tar)),
              ElementsAre("x.tar.gz!c.txt:2:hf-token", "x.tar.gz!d.zip!in/a.txt:2:hf-token"));
}

TEST_F(ScannerTest, WhatCannotBeUnpackedIsScannedAsItIsAndTold) {
  const std::string text = "token: " + token_ + "\n";
  const std::string zip = Zip({test::StoredMember("a.txt", text)});
  const ScanReport cut = Scan("x.zip", zip.substr(0, zip.size() - 60));
  EXPECT_FALSE(cut.findings.empty());
  const ScanReport odd = Scan("x.gz", "\x1F\x8B\x08 no gzip at all " + text);
  ASSERT_THAT(odd.findings, SizeIs(1));
  EXPECT_THAT(odd.unread, SizeIs(1));
  const ScanReport comment = Scan("x.zip", Zip({test::StoredMember("a", "b")}, text));
  EXPECT_THAT(comment.findings, SizeIs(1));
}

TEST_F(ScannerTest, AnArchiveThatExpandsTooFarEnds) {
  std::string bomb(64 << 20, '\0');
  bomb = test::Gzipped(bomb);
  EXPECT_THAT(Scan("x.gz", bomb).unread, SizeIs(1));
  std::string nested = "fine";
  for (int i = 0; i < 6; ++i) nested = Zip({test::DeflatedMember("a.zip", nested)});
  EXPECT_THAT(Scan("x.zip", nested).unread, SizeIs(1));
}

TEST_F(ScannerTest, TensorsArePassedOverByStructureAlone) {
  const std::string header = R"({"__metadata__":{"note":")" + token_ +
                             R"("},"t":{"dtype":"U8","shape":[100],"data_offsets":[0,100]}})";
  std::string file = formats::Safetensors(header, 100);
  EXPECT_THAT(Places("m.safetensors", file), ElementsAre("m.safetensors:1:hf-token"));
  file.replace(file.size() - 60, token_.size() + 1, " " + token_);
  EXPECT_THAT(Scan("m.safetensors", file).findings, SizeIs(1));
  // What the header does not account for is no tensor.
  EXPECT_THAT(Scan("m.safetensors", file + " " + token_ + " ").findings, SizeIs(3));
}

TEST_F(ScannerTest, CommentsAndListsAllow) {
  const std::string line = "x = '" + token_ + "'";
  for (const std::string_view comment :
       {"# gitleaks:allow", "# batuta:allow-secret hf-token a fake", "// pragma: allowlist secret"}) {
    const std::string text = line + "  " + std::string(comment) + "\n";
    const ScanReport report = Scan("a.py", text);
    EXPECT_THAT(report.findings, IsEmpty()) << comment;
    EXPECT_EQ(report.allowed, 1U);
    EXPECT_THAT(Scan("a.py", text, {.allows_comments = false}).findings, SizeIs(1));
  }
  ScanReport report = Scan("a.py", line + "\n" + line + "\n");
  const IgnoreList list =
      IgnoreList::Parse("# looked at\n\na.py:hf-token:1\n" + std::string(40, 'a') + ":b.py:hf-token:1\n");
  EXPECT_EQ(list.Remove(report), 1U);
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_EQ(report.findings[0].line, 2U);
}

TEST_F(ScannerTest, TheSurerKindWinsWhereTwoOverlap) {
  EXPECT_THAT(
      Places("a.cfg", "url = https://me:" + fakes_.Of("github-token").secret + "@git.internal.net/x\n"),
      ElementsAre("a.cfg:1:github-token"));
  EXPECT_THAT(Places("a.cfg", "secret_token = " + token_ + "\n"), ElementsAre("a.cfg:1:hf-token"));
}

TEST_F(ScannerTest, OrdinaryFilesAreClean) {
  const std::pair<std::string_view, std::string_view> files[] = {
      {"train.py",
       "token = os.environ['HF_TOKEN']\npassword: str = None\nmax_tokens = 4096\napi_key = "
       "get_key(\"name\")\n"},
      {"README.md",
       "Set `HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`, and commit "
       "3f786850e387550fdab836ed7e6dc881de23001b.\n"},
      {"config.json",
       R"({"pad_token_id": 0, "bos_token": "<s>", "architectures": ["LlamaForCausalLM"], "token_type": "abc"})"},
      {"requirements.txt",
       "numpy==1.2 --hash=sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"},
      {"docker-compose.yml",
       "POSTGRES_PASSWORD: ${DB_PASSWORD}\nurl: postgres://user:password@localhost/db\n"},
      {"wandb.yaml", "wandb_version: 1\nrun_id: 3f786850e387550fdab836ed7e6dc881de23001b\n"},
      {"peptides.csv",
       "AKIACDEFGHIKLMNPQRST\nACDEFGHIKLMNPQRSTVWY\nWYVTSRQPNMLKIHGFEDCA\nMNPQRSTVWYACDEFGHIKL\nTSRQPNMLKIHGF"
       "EDCAWYV\n"},
      {"ids.json", R"({"token": "123e4567-e89b-12d3-a456-426614174000"})"},
      {"cert.pem",
       "-----BEGIN "
       "CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END "
       "CERTIFICATE-----\n"},
      {"doc.rst", "-----BEGIN RSA PRIVATE KEY-----\nMIIE...\n-----END RSA PRIVATE KEY-----\n"},
  };
  for (const auto& [path, text] : files) EXPECT_THAT(Places(path, text), IsEmpty()) << path;
}

TEST_F(ScannerTest, TellsNoMoreThanSoMany) {
  std::string text;
  for (int i = 0; i < 150; ++i) text += fakes_.Of("hf-token").secret + "\n";
  const ScanReport report = Scan("a.txt", text);
  EXPECT_THAT(report.findings, SizeIs(kMostFindings));
  EXPECT_EQ(report.findings_left_out, 50U);
}

}  // namespace
}  // namespace batuta::secrets
