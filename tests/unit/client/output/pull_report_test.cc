#include "client/output/pull_report.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::PullFile File(std::string path, uint64_t size, v1::PullFile::Status status, std::string reason = "") {
  v1::PullFile file;
  file.set_path(std::move(path));
  file.set_size_bytes(size);
  file.set_blob("b10b");
  file.set_status(status);
  file.set_reason(std::move(reason));
  return file;
}

PullReport Example(PullReport::Kind kind, bool keep_files = true) {
  PullReport report(kind, keep_files);
  v1::RepoId repo;
  repo.set_type(v1::REPO_TYPE_MODEL);
  repo.set_id("acme/otter");
  report.SetSubject(repo, "");
  report.SetCommit("c0ffee");
  report.SetPath("/cache/snapshots/c0ffee");
  const bool is_plan = kind == PullReport::Kind::kPlan;
  report.AddFile(
      File("a.bin", 1000, is_plan ? v1::PullFile::STATUS_PENDING : v1::PullFile::STATUS_DOWNLOADED));
  report.AddFile(File("b.json", 20, v1::PullFile::STATUS_CACHED));
  report.AddFile(File("c.h5", 5000, v1::PullFile::STATUS_SKIPPED, "other weights"));
  report.SetTotals(is_plan ? 0 : 1000, 1500);
  return report;
}

TEST(PullReportTest, DocumentOfAPullIsTheContract) {
  EXPECT_EQ(Example(PullReport::Kind::kPull).Json(false), R"({
  "repo": "acme/otter",
  "type": "model",
  "revision": "main",
  "commit": "c0ffee",
  "path": "/cache/snapshots/c0ffee",
  "files": [
    {
      "path": "a.bin",
      "size_bytes": 1000,
      "blob": "b10b",
      "status": "downloaded",
      "reason": null
    },
    {
      "path": "b.json",
      "size_bytes": 20,
      "blob": "b10b",
      "status": "cached",
      "reason": null
    },
    {
      "path": "c.h5",
      "size_bytes": 5000,
      "blob": "b10b",
      "status": "skipped",
      "reason": "other weights"
    }
  ],
  "bytes_downloaded": 1000,
  "elapsed_ms": 1500
}
)");
}

TEST(PullReportTest, DocumentOfAPlanSaysWouldDownload) {
  const std::string json = Example(PullReport::Kind::kPlan).Json(false);

  EXPECT_THAT(json, HasSubstr("\"status\": \"would_download\""));
  EXPECT_THAT(json, HasSubstr("\"bytes_downloaded\": 0,\n  \"bytes_to_download\": 1000,"));
}

TEST(PullReportTest, ResultEventIsOneLine) {
  const std::string json = Example(PullReport::Kind::kPull).Json(true);

  EXPECT_TRUE(json.starts_with("{\"event\":\"result\",\"repo\":\"acme/otter\""));
  EXPECT_EQ(json.find('\n'), json.size() - 1);
}

TEST(PullReportTest, PeopleGetThePathOnStdoutAndASummaryOnStderr) {
  TestOutput test({});
  Example(PullReport::Kind::kPull).Print(test.output);
  test.output.Flush();

  EXPECT_EQ(test.data.text, "/cache/snapshots/c0ffee\n");
  EXPECT_EQ(test.talk.text,
            "model acme/otter@main: 2 files, 1.02 kB; 1 downloaded (1 kB in 1.5 s), 1 already cached, 1 "
            "left out\n");
}

TEST(PullReportTest, QuietPrintsThePathAlone) {
  for (const auto kind : {PullReport::Kind::kPull, PullReport::Kind::kPlan}) {
    TestOutput test({.format = OutputFormat::kQuiet});
    Example(kind).Print(test.output);
    test.output.Flush();
    EXPECT_EQ(test.data.text, "/cache/snapshots/c0ffee\n");
    EXPECT_EQ(test.talk.text, "");
  }
}

TEST(PullReportTest, PlanForPeopleIsATable) {
  TestOutput test({});
  Example(PullReport::Kind::kPlan).Print(test.output);
  test.output.Flush();

  EXPECT_THAT(test.data.text, HasSubstr("would download  1 kB  a.bin"));
  EXPECT_THAT(test.data.text, HasSubstr("other weights"));
  EXPECT_THAT(test.talk.text,
              HasSubstr("1 to download (1 kB), 1 already cached, 1 left out; nothing was downloaded"));
}

TEST(PullReportTest, NewestNewsOfAFileReplacesOlderOnes) {
  PullReport report(PullReport::Kind::kPull, true);
  report.AddFile(File("a", 10, v1::PullFile::STATUS_PENDING));
  report.AddFile(File("a", 10, v1::PullFile::STATUS_RUNNING));
  report.AddFile(File("a", 10, v1::PullFile::STATUS_DOWNLOADED));

  ASSERT_EQ(report.files().size(), 1u);
  EXPECT_THAT(report.Summary(), HasSubstr("1 file, 10 B; 1 downloaded"));
}

TEST(PullReportTest, WithoutFilesOnlyNumbersAreKept) {
  PullReport report = Example(PullReport::Kind::kPull, false);

  EXPECT_TRUE(report.files().empty());
  EXPECT_THAT(report.Summary(), HasSubstr("2 files, 1.02 kB; 1 downloaded"));
  report.ForgetFiles();
  EXPECT_THAT(report.Summary(), HasSubstr("0 files"));
}

TEST(PullReportTest, OutputFolderStandsInTheDocument) {
  PullReport report = Example(PullReport::Kind::kPull);
  EXPECT_THAT(report.Json(false), Not(HasSubstr("\"output\"")));
  report.SetOutputFolder("/home/mira/otter");
  EXPECT_THAT(report.Json(false), HasSubstr("\"output\": \"/home/mira/otter\""));
}

}  // namespace
}  // namespace batuta::client
