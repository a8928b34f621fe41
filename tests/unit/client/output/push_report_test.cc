#include "client/output/push_report.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/output/push_plan_view.h"

namespace batuta::client {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

v1::PushFile File(const std::string& path, v1::PushFile::Change change, uint64_t size_bytes = 1'000,
                  const std::string& blob = "b") {
  v1::PushFile file;
  file.set_path(path);
  file.set_size_bytes(size_bytes);
  file.set_blob(blob);
  file.set_change(change);
  return file;
}

PushReport Report(const std::vector<v1::PushFile>& files, bool keep_all = true) {
  PushReport report(keep_all);
  v1::PushSpec spec;
  spec.mutable_repo()->set_type(v1::REPO_TYPE_DATASET);
  spec.mutable_repo()->set_id("acme/notes");
  spec.set_path("/home/anna/notes");
  report.SetSpec(spec);
  v1::PushPlan plan;
  plan.set_commits(1);
  report.SetPlan(plan);
  for (const v1::PushFile& file : files) report.AddFile(file);
  return report;
}

v1::PushPlan PlanOf(const PushReport& report) {
  return report.plan();
}

TEST(PushReportTest, TheNewestNewsOfAFileReplaceOlderOnes) {
  PushReport report = Report({File("a", v1::PushFile::CHANGE_ADDED)});
  v1::WatchJobResponse update;
  *update.add_push_files() = File("a", v1::PushFile::CHANGE_ADDED);
  update.mutable_push_files(0)->set_status(v1::PushFile::STATUS_STORED);

  report.Take(update);

  ASSERT_EQ(report.files().size(), 1u);
  EXPECT_EQ(report.files()[0].status(), v1::PushFile::STATUS_STORED);
  EXPECT_EQ(report.Of(v1::PushFile::CHANGE_ADDED).files, 1u);
}

TEST(PushReportTest, WhatWasCommittedBeforeARestartStaysAChangeOfThisPush) {
  PushReport report = Report({File("a", v1::PushFile::CHANGE_ADDED)});

  report.AddFile(File("a", v1::PushFile::CHANGE_UNCHANGED));

  EXPECT_EQ(report.files()[0].change(), v1::PushFile::CHANGE_ADDED);
  EXPECT_EQ(report.files()[0].status(), v1::PushFile::STATUS_COMMITTED);
}

TEST(PushReportTest, WhatTheHubIgnoresIsNoChange) {
  PushReport report = Report({File("a", v1::PushFile::CHANGE_ADDED)});

  report.AddFile(File("a", v1::PushFile::CHANGE_IGNORED));

  EXPECT_EQ(nlohmann::json::parse(report.Json(false))["changed"], nlohmann::json::array());
}

TEST(PushReportTest, AnEmptyFolderIsNoSuccessOfThePast) {
  PushReport report = Report({});
  report.SetPlan({});

  EXPECT_EQ(report.NothingToDo(), "nothing to do, there is no file to push: no files");
  report.AddFile(File("a", v1::PushFile::CHANGE_UNCHANGED));
  EXPECT_EQ(report.NothingToDo(), "nothing to do, everything is there already: 1 unchanged");
}

TEST(PushReportTest, WhatStaysIsCountedAndKeptOnlyWhenItIsWanted) {
  PushReport report =
      Report({File("a", v1::PushFile::CHANGE_UNCHANGED), File("b", v1::PushFile::CHANGE_IGNORED)}, false);

  report.AddFile(File("a", v1::PushFile::CHANGE_UNCHANGED));  // a job tells of it once more

  EXPECT_THAT(report.files(), IsEmpty());
  EXPECT_EQ(report.Changes(), "1 unchanged, 1 ignored");
  EXPECT_EQ(report.Subject(), "dataset acme/notes@main");
}

TEST(PushPlanViewTest, WhatIsLostComesFirstAndManyAreCounted) {
  const PushReport report =
      Report({File("a", v1::PushFile::CHANGE_ADDED), File("b", v1::PushFile::CHANGE_ADDED, 500'000),
              File("m", v1::PushFile::CHANGE_MODIFIED), File("d", v1::PushFile::CHANGE_DELETED)});

  const std::string text = PlanText(report, {.files = 2, .diff_lines = 0, .width = 80});

  EXPECT_LT(text.find("deleted"), text.find("modified"));
  EXPECT_THAT(text, AllOf(HasSubstr("and 2 more files (501 kB); --dry-run lists them all\n"),
                          HasSubstr("2 added (501 kB), 1 modified (1 kB), 1 deleted\n")));
  EXPECT_THAT(PlanText(report, {}), Not(HasSubstr("more files")));
}

TEST(PushPlanViewTest, SaysWhatBecomesOfTheRepo) {
  PushReport report = Report({File("a", v1::PushFile::CHANGE_ADDED)});
  v1::PushPlan plan = PlanOf(report);
  v1::PushSpec spec = report.spec();
  plan.set_creates_repo(true);
  plan.set_is_private(true);
  report.SetPlan(plan);
  EXPECT_THAT(PlanText(report, {}), HasSubstr("dataset acme/notes@main: a new private repo\n"));

  plan.set_creates_repo(false);
  plan.set_creates_branch(true);
  plan.set_is_private(false);
  spec.set_is_private(true);
  spec.set_create_pr(true);
  report.SetPlan(plan);
  report.SetSpec(spec);
  EXPECT_THAT(
      PlanText(report, {}),
      AllOf(HasSubstr("a new branch of a public repo; as a pull request\n"),
            HasSubstr("warning  the repo is there already and is public: --private changes nothing")));
}

TEST(PushPlanViewTest, ALongCardIsCutAndItsSourcesAreNamed) {
  PushReport report = Report({File("README.md", v1::PushFile::CHANGE_ADDED)});
  v1::PushPlan plan = PlanOf(report);
  plan.set_card("generated");
  plan.set_card_diff("+one\n+two\n+three\n");
  plan.add_card_sources("config.json");
  report.SetPlan(plan);

  EXPECT_THAT(
      PlanText(report, {.files = 0, .diff_lines = 2, .width = 0}),
      AllOf(HasSubstr("README.md is made, as there is none; from config.json\n"),
            HasSubstr("  +two\n  and 1 more lines; --dry-run shows them all\n"), Not(HasSubstr("three"))));
}

TEST(PushPlanViewTest, TellsWhatDiffersFromThePlanBefore) {
  const PushReport before =
      Report({File("same", v1::PushFile::CHANGE_ADDED), File("other", v1::PushFile::CHANGE_ADDED),
              File("gone", v1::PushFile::CHANGE_ADDED)});
  const PushReport now =
      Report({File("same", v1::PushFile::CHANGE_ADDED), File("other", v1::PushFile::CHANGE_ADDED, 1'000, "c"),
              File("new", v1::PushFile::CHANGE_MODIFIED)});

  EXPECT_THAT(
      PlanChanges(before, now),
      ElementsAre("also modified: new", "now added, with other content: other", "not any more: gone"));
}

TEST(PushPlanViewTest, AWordForTheShellIsOneWord) {
  EXPECT_EQ(ShellWord("a/b.py:hf-token:3"), "a/b.py:hf-token:3");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord(""), "''");
}

}  // namespace
}  // namespace batuta::client
