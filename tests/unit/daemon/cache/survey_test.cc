#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

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
  EXPECT_TRUE(cache_->IsAsStamped(repo_, survey.stamps));
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

TEST_F(SurveyTest, TakesTheTimesOfTheBlob) {
  GivenBlob(blob_, "x");
  GivenLink(snapshot() / "a", "../../blobs/" + blob_);
  const timespec times[2] = {{5'000, 0}, {2'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root() / folder() / "blobs" / blob_).c_str(), times, 0), 0);

  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));

  EXPECT_EQ(ToUnixMillis(survey.snapshots.front().files.front().accessed), 5'000'000);
  EXPECT_EQ(ToUnixMillis(survey.snapshots.front().files.front().modified), 2'000'000);
}

TEST_F(SurveyTest, WarnsOfWhatLooksWrongAndFindsTheRest) {
  GivenBlob(blob_, "x");
  GivenLink(snapshot() / "a", "../../blobs/" + blob_);
  GivenLink(snapshot() / "gone", "../../blobs/gone");
  GivenLink(snapshot() / "loop", "..");
  Given(folder() / "snapshots/stray\x1b[31m\n", "");
  Given(folder() / "snapshots" / std::string(40, '8'), "a file");
  Given(folder() / "refs/main", commit_.hex());
  Given(folder() / "refs/old", std::string(40, '9'));
  Given(folder() / "refs/empty", "");
  Given(folder() / "refs/main.1a2b3c4d.tmp", "333");

  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));

  EXPECT_THAT(survey.warnings,
              UnorderedElementsAre(AllOf(HasSubstr("gone"), HasSubstr("not there")), HasSubstr("loop"),
                                   HasSubstr("stray\\x1b[31m\\x0a"), HasSubstr(std::string(40, '8')),
                                   AllOf(HasSubstr("refs/old"), HasSubstr("no snapshot")),
                                   HasSubstr("refs/empty"), HasSubstr("refs/main.1a2b3c4d.tmp")));
  ASSERT_THAT(survey.snapshots, SizeIs(1));
  EXPECT_THAT(survey.snapshots.front().refs, ElementsAre("main"));
  EXPECT_THAT(survey.snapshots.front().files, SizeIs(1));
}

TEST_F(SurveyTest, TheNumberOfWarningsIsBounded) {
  for (int i = 0; i < 110; ++i) Given(folder() / "snapshots" / ("stray-" + std::to_string(i)), "");
  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));
  EXPECT_THAT(survey.warnings, SizeIs(101));
  EXPECT_THAT(survey.warnings.back(), HasSubstr("10 more"));
}

TEST_F(SurveyTest, ARepoWithoutSnapshotsIsAWarning) {
  GivenBlob(blob_, "bytes");
  Given("models--acme--badger", "a file");
  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));
  EXPECT_THAT(survey.warnings, ElementsAre(HasSubstr("models--acme--otter has no snapshots")));
  ASSERT_OK_AND_ASSIGN(const RepoSurvey badger, cache_->Survey(Model("acme/badger")));
  EXPECT_THAT(badger.warnings, ElementsAre(HasSubstr("models--acme--badger has no snapshots")));
}

TEST_F(SurveyTest, APullThatHasOnlyBegunIsNoReasonToWarn) {
  const auto warnings = [this] {
    const auto survey = cache_->Survey(repo_);
    return survey.ok() ? survey->warnings : std::vector<std::string>{survey.status().ToString()};
  };
  Given(folder() / "trees" / (commit_.hex() + ".json"), "{}");
  EXPECT_THAT(warnings(), IsEmpty());
  GivenBlob(std::string(64, 'b') + ".1a2b3c4d.incomplete", "half");
  ASSERT_OK_AND_ASSIGN(const auto partial, cache_->OpenPartial(repo_, Sha256('c'), 10));
  EXPECT_THAT(warnings(), IsEmpty());
  GivenBlob(blob_, "whole");
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("no snapshots")));
}

TEST_F(SurveyTest, TheRootIsReposAndStrays) {
  for (const char* const quiet : {".DS_Store", "Thumbs.db", "desktop.ini"}) Given(quiet, "");
  Given("version.txt", "1");
  Given("kernels--acme--fast/snapshots/x", "");
  Given("models--", "");
  Given(folder() / "refs/main", commit_.hex());
  ASSERT_OK_AND_ASSIGN(const RootListing listing, cache_->ListRoot());
  EXPECT_THAT(listing.repos, ElementsAre(repo_));
  EXPECT_THAT(listing.strays, UnorderedElementsAre("version.txt", "kernels--acme--fast", "models--"));
}

TEST_F(SurveyTest, StampsTellWhatHasChanged) {
  GivenBlob(blob_, "x");
  Given(snapshot() / "config.json", "{}");
  Given(snapshot() / "onnx/model.onnx", "o");
  const auto is_as_surveyed_after = [this](const std::function<void()>& change) {
    const auto survey = cache_->Survey(repo_);
    if (!survey.ok() || !cache_->IsAsStamped(repo_, survey->stamps)) return false;
    change();
    return cache_->IsAsStamped(repo_, survey->stamps);
  };

  EXPECT_TRUE(is_as_surveyed_after([] {}));
  EXPECT_FALSE(is_as_surveyed_after([this] { Given(folder() / "refs/main", commit_.hex()); }));
  EXPECT_FALSE(is_as_surveyed_after([this] { Given(folder() / "refs/main", std::string(40, '9')); }));
  EXPECT_FALSE(is_as_surveyed_after([this] { Given(folder() / "refs/pr/1", commit_.hex()); }));
  EXPECT_FALSE(is_as_surveyed_after([this] { Given(snapshot() / "more.json", "{}"); }));
  EXPECT_FALSE(is_as_surveyed_after([this] { Given(snapshot() / "onnx/more.onnx", "o"); }));
  EXPECT_FALSE(is_as_surveyed_after([this] { Given(folder() / "snapshots/other/a", "a"); }));
  EXPECT_FALSE(is_as_surveyed_after([this] { GivenBlob(std::string(64, 'b'), "x"); }));
  EXPECT_FALSE(is_as_surveyed_after([this] { std::filesystem::remove(root() / folder() / "refs/main"); }));
}

}  // namespace
}  // namespace batuta::cache
