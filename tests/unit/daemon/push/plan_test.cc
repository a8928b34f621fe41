#include "daemon/push/plan.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

using testing::HasSubstr;

BlobId Sha256(char digit) {
  return BlobId::Parse(std::string(64, digit)).value();
}

PlannedPushFile File(std::string path, Change change, char digit = 'a') {
  PlannedPushFile file{.path = std::move(path), .size_bytes = 10, .change = change};
  if (change != Change::kDeleted) file.sha256 = Sha256(digit);
  return file;
}

PushPlan PlanOf(std::vector<PlannedPushFile> files) {
  PushPlan plan;
  plan.head = CommitId::Parse(std::string(40, '1')).value();
  plan.files = std::move(files);
  return plan;
}

TEST(PlanDigestTest, IsAnotherOneForEverythingThatWouldBeDoneOtherwise) {
  const PushPlan plan = PlanOf({File("a", Change::kAdded), File("b", Change::kUnchanged)});
  const std::string digest = DigestOf(plan);
  PushPlan other = plan;
  other.head = CommitId::Parse(std::string(40, '2')).value();
  EXPECT_NE(DigestOf(other), digest) << "another head";
  other = plan;
  other.files[0] = File("a", Change::kAdded, 'b');
  EXPECT_NE(DigestOf(other), digest) << "other bytes";
  other = plan;
  other.files[0].change = Change::kModified;
  EXPECT_NE(DigestOf(other), digest) << "another change";
  other = plan;
  other.files.push_back(File("c", Change::kDeleted));
  EXPECT_NE(DigestOf(other), digest) << "a deletion";
  other = plan;
  other.is_private = true;
  EXPECT_NE(DigestOf(other), digest) << "who may see it";
}

TEST(PlanDigestTest, IsTheSameWhateverElseIsKnown) {
  const PushPlan plan = PlanOf({File("a", Change::kAdded), File("b", Change::kUnchanged)});
  PushPlan other = plan;
  other.files[0].is_lfs = true;
  other.files[1].size_bytes = 11;
  other.warnings = {"something"};
  other.bytes_read = 100;
  EXPECT_EQ(DigestOf(other), DigestOf(plan));
}

TEST(PlanRefusalTest, NamesTheGravest) {
  PushPlan plan = PlanOf({});
  EXPECT_THAT(RefusalOf(plan), IsOk());
  plan.refusals = {{.path = "CON", .reason = reason::kNotPushable, .text = "no name"},
                   {.path = "a.json", .reason = reason::kInvalidContent, .text = "no JSON"}};
  EXPECT_EQ(ReasonOf(RefusalOf(plan)), reason::kInvalidContent);
  EXPECT_THAT(std::string(RefusalOf(plan).message()), HasSubstr("a.json: no JSON"));
  EXPECT_THAT(std::string(RefusalOf(plan).message()), HasSubstr("1 more"));
  plan.findings.emplace_back().fingerprint = "env:hf-token:1";
  EXPECT_EQ(ReasonOf(RefusalOf(plan)), reason::kSecretsFound);
}

TEST(PlannedCommitsTest, AreNamedAfterWhatTheyDo) {
  const auto title = [](std::vector<PlannedPushFile> files, std::string_view message = "") {
    return CommitsOf(PlanOf(std::move(files)), message).parts.front().summary;
  };
  EXPECT_EQ(title({File("a.bin", Change::kAdded)}), "Add a.bin");
  EXPECT_EQ(title({File("a.bin", Change::kModified)}), "Update a.bin");
  EXPECT_EQ(title({File("a.bin", Change::kDeleted)}), "Delete a.bin");
  EXPECT_EQ(title({File("a", Change::kAdded), File("b", Change::kModified)}), "Upload 2 files");
  EXPECT_EQ(title({File("a", Change::kAdded), File("b", Change::kDeleted)}), "Upload 1 file, delete 1");
  EXPECT_EQ(title({File("a", Change::kAdded)}, "Mine"), "Mine");
}

TEST(PlannedCommitsTest, LeaveOutWhatDoesNotChange) {
  const PlannedCommits commits = CommitsOf(
      PlanOf({File("a", Change::kUnchanged), File("b", Change::kAdded), File("c/", Change::kIgnored)}), "");
  ASSERT_EQ(commits.changes.size(), 1u);
  EXPECT_EQ(commits.changes[0].path.text(), "b");
  EXPECT_EQ(commits.files[0], 1u);
  EXPECT_TRUE(CommitsOf(PlanOf({File("a", Change::kUnchanged)}), "").parts.empty());
}

}  // namespace
}  // namespace batuta::push
