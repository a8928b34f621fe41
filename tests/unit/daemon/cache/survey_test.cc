#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SurveyTest : public CacheTest {
 protected:
  void GivenBlob(const std::string& name, std::string_view content) {
    Given(folder() / "blobs" / name, content);
  }

  std::filesystem::path folder() const { return repo_.folder(); }

  std::filesystem::path snapshot() const { return folder() / "snapshots" / commit_.hex(); }

  const std::string blob_ = std::string(64, 'a');
};

TEST_F(SurveyTest, ARepoThatIsNotThereHasNothing) {
  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));
  EXPECT_THAT(survey.snapshots, IsEmpty());
  EXPECT_THAT(survey.loose, IsEmpty());
  EXPECT_THAT(cache_->Fingerprint(repo_), IsOkAndHolds(""));
}

TEST_F(SurveyTest, FindsLinksFilesAndBrokenLinksWhereverTheyLie) {
  GivenBlob(blob_, "weights");
  GivenLink(snapshot() / "a/model.gguf", "../../../blobs/" + blob_);
  Given(snapshot() / "config.json", "{}");
  GivenLink(snapshot() / "gone.bin", "../../blobs/" + std::string(64, 'b'));
  Given(folder() / "refs/main", commit_.hex());

  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));

  ASSERT_THAT(survey.snapshots, SizeIs(1));
  const SurveyedSnapshot& found = survey.snapshots.front();
  EXPECT_EQ(found.commit, commit_);
  EXPECT_THAT(found.refs, ElementsAre("main"));
  EXPECT_THAT(found.broken_links, ElementsAre("gone.bin"));
  ASSERT_THAT(found.files, SizeIs(2));
  EXPECT_EQ(found.files[0].path, "a/model.gguf");
  EXPECT_EQ(found.files[0].blob, blob_);
  EXPECT_EQ(found.files[0].size_bytes, 7U);
  EXPECT_EQ(found.files[1].path, "config.json");
  EXPECT_EQ(found.files[1].blob, "");
  EXPECT_THAT(survey.loose, IsEmpty());
}

TEST_F(SurveyTest, TellsLooseBlobsFromUnfinishedOnes) {
  GivenBlob(blob_, "x");
  GivenBlob(blob_ + ".1a2b3c4d.incomplete", "x");
  GivenBlob(std::string(40, 'c') + ".downloadInProgress", "x");

  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));

  ASSERT_THAT(survey.loose, SizeIs(3));
  EXPECT_FALSE(survey.loose[0].is_unfinished);
  EXPECT_TRUE(survey.loose[1].is_unfinished);
  EXPECT_TRUE(survey.loose[2].is_unfinished);
}

TEST_F(SurveyTest, ARefWithoutASnapshotIsTold) {
  Given(snapshot() / "config.json", "{}");
  Given(folder() / "refs/main", std::string(40, '9'));
  Given(folder() / "refs/refs/pr/1", "");

  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));

  EXPECT_THAT(survey.bad_refs, ::testing::UnorderedElementsAre("main", "refs/pr/1"));
  EXPECT_THAT(survey.snapshots.front().refs, IsEmpty());
}

TEST_F(SurveyTest, OneBlobUnderTwoPathsIsOneFileOfTheDisk) {
  GivenBlob(blob_, "x");
  GivenLink(snapshot() / "a", "../../blobs/" + blob_);
  GivenLink(snapshot() / "b", "../../blobs/" + blob_);

  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));

  const auto& files = survey.snapshots.front().files;
  ASSERT_THAT(files, SizeIs(2));
  EXPECT_EQ(files[0].inode, files[1].inode);
}

TEST_F(SurveyTest, TheFingerprintChangesWithWhatItPromises) {
  Given(snapshot() / "config.json", "{}");
  ASSERT_OK_AND_ASSIGN(const std::string before, cache_->Fingerprint(repo_));
  EXPECT_THAT(cache_->Fingerprint(repo_), IsOkAndHolds(before));

  Given(folder() / "refs/main", commit_.hex());
  ASSERT_OK_AND_ASSIGN(const std::string with_ref, cache_->Fingerprint(repo_));
  EXPECT_NE(with_ref, before);

  Given(snapshot() / "more.json", "{}");
  ASSERT_OK_AND_ASSIGN(const std::string with_file, cache_->Fingerprint(repo_));
  EXPECT_NE(with_file, with_ref);
}

}  // namespace
}  // namespace batuta::cache
