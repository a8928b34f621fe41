#include "daemon/push/scan_records.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/clock/fake_clock.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

using metadata::Table;
using secrets::ScanReport;
using testing::ElementsAre;

class ScanRecordsTest : public testing::Test {
 protected:
  ScanRecords With(std::string_view toml, bool allows_comments = true, bool by_path = false) {
    return ScanRecords(store_, clock_, RulesName(toml, allows_comments), by_path);
  }

  static ScanReport Found(const std::string& path) {
    ScanReport report;
    report.findings.push_back({.path = path + "!in/b.ini",
                               .line = 3,
                               .column = 9,
                               .kind = "hf-token",
                               .description = "Hugging Face access token",
                               .tier = secrets::Tier::kCertain,
                               .excerpt = "hf_…9x (37 characters)",
                               .fingerprint = secrets::FingerprintOf(path + "!in/b.ini", "hf-token", 3)});
    report.findings_left_out = 4;
    report.allowed = 5;
    report.unread.push_back(path + "!c.zip: a member is encrypted");
    return report;
  }

  size_t Kept() {
    size_t count = 0;
    EXPECT_THAT(
        store_.Scan(Table::kScans, "", [&](std::string_view, std::string_view) { return ++count > 0; }),
        IsOk());
    return count;
  }

  metadata::FakeMetadataStore store_;
  FakeClock clock_;
  const BlobId sha256_ = *BlobId::Parse(std::string(64, 'a'));
};

TEST_F(ScanRecordsTest, WhatIsRememberedHasThePathThatTheFileHasNow) {
  const ScanRecords records = With("");
  records.Keep(sha256_, "old/a.zip", Found("old/a.zip"));
  const auto found = records.Find(sha256_, "new/b.zip");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->findings, Found("new/b.zip").findings);
  EXPECT_THAT(found->unread, ElementsAre("new/b.zip!c.zip: a member is encrypted"));
  EXPECT_EQ(found->findings_left_out, 4U);
  EXPECT_EQ(found->allowed, 5U);
}

TEST_F(ScanRecordsTest, AnotherClassOfNamesIsAnotherRecord) {
  const ScanRecords records = With("");
  records.Keep(sha256_, "a/tokenizer.json", ScanReport());
  EXPECT_TRUE(records.Find(sha256_, "b/vocab.txt").has_value());
  EXPECT_FALSE(records.Find(sha256_, "a/settings.json").has_value());
  EXPECT_FALSE(records.Find(sha256_, ".env").has_value());
}

TEST_F(ScanRecordsTest, OtherRulesFindAnew) {
  With("").Keep(sha256_, "a.py", ScanReport());
  EXPECT_TRUE(With("").Find(sha256_, "a.py").has_value());
  EXPECT_FALSE(With("title = 'x'").Find(sha256_, "a.py").has_value());
  EXPECT_FALSE(With("", /*allows_comments=*/false).Find(sha256_, "a.py").has_value());
}

TEST_F(ScanRecordsTest, WhereRulesLookAtPathsTheWholePathCounts) {
  const ScanRecords records = With("x", true, /*by_path=*/true);
  records.Keep(sha256_, "a.py", ScanReport());
  EXPECT_TRUE(records.Find(sha256_, "a.py").has_value());
  EXPECT_FALSE(records.Find(sha256_, "b/a.py").has_value());
}

TEST_F(ScanRecordsTest, ACleanFileTakesLessThanAHundredBytes) {
  With("").Keep(sha256_, "a.py", ScanReport());
  size_t bytes = 0;
  EXPECT_THAT(
      store_.Scan(Table::kScans, "",
                  [&](std::string_view, std::string_view value) { return (bytes += value.size()) > 0; }),
      IsOk());
  EXPECT_LT(bytes, 100U);
}

TEST_F(ScanRecordsTest, NamesThatCannotBeToldAgainAreNotKept) {
  const ScanRecords records = With("");
  ScanReport report = Found("a.zip");
  report.findings[0].path = "a.zip!\xFF\xFE";
  records.Keep(sha256_, "a.zip", report);
  EXPECT_FALSE(records.Find(sha256_, "a.zip").has_value());
}

TEST_F(ScanRecordsTest, ForgetsWhatIsOldOrUnreadable) {
  With("").Keep(sha256_, "a.py", ScanReport());
  ASSERT_THAT(metadata::Put(store_, Table::kScans, "x/any", "no record", metadata::Durability::kProcess),
              IsOk());
  EXPECT_FALSE(With("").Find(*BlobId::Parse(std::string(64, 'b')), "a.py").has_value());
  EXPECT_THAT(With("").ForgetOld(), IsOkAndHolds(1U));
  EXPECT_TRUE(With("").Find(sha256_, "a.py").has_value());
  clock_.Advance(ScanRecords::kKept + std::chrono::days(1));
  EXPECT_THAT(With("").ForgetOld(), IsOkAndHolds(1U));
  EXPECT_FALSE(With("").Find(sha256_, "a.py").has_value());
  EXPECT_EQ(Kept(), 1U);  // that it did so today
  ASSERT_THAT(metadata::Put(store_, Table::kScans, "x/any", "no record", metadata::Durability::kProcess),
              IsOk());
  EXPECT_THAT(With("").ForgetOld(), IsOkAndHolds(0U));
}

}  // namespace
}  // namespace batuta::push
