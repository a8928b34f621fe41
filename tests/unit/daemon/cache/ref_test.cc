// Refs and the markers of files that the hub does not have.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "daemon/cache/cache.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

class RefTest : public CacheTest {
 protected:
  absl::StatusOr<std::optional<CommitId>> ReadRef(std::string_view revision) {
    return cache_->ReadRef(repo_, *Revision::Parse(revision));
  }

  absl::Status WriteRef(std::string_view revision, const CommitId& commit) {
    return cache_->WriteRef(repo_, *Revision::Parse(revision), commit);
  }

  const fs::path refs_ = "models--acme--otter/refs";
};

TEST_F(RefTest, HoldsExactlyTheCommit) {
  ASSERT_THAT(WriteRef("main", commit_), IsOk());
  EXPECT_EQ(Read(refs_ / "main"), commit_.hex());
  EXPECT_THAT(ReadRef("main"), IsOkAndHolds(Optional(commit_)));
}

TEST_F(RefTest, TheSnapshotIsThereBeforeIt) {
  ASSERT_THAT(WriteRef("main", commit_), IsOk());
  EXPECT_TRUE(fs::is_directory(root() / "models--acme--otter/snapshots" / commit_.hex()));
}

TEST_F(RefTest, OfAPullRequestIsAPath) {
  ASSERT_THAT(WriteRef("refs/pr/1", commit_), IsOk());
  EXPECT_EQ(Read(refs_ / "refs/pr/1"), commit_.hex());
  EXPECT_THAT(ReadRef("refs/pr/1"), IsOkAndHolds(Optional(commit_)));
}

TEST_F(RefTest, MovesToAnotherCommitInOneStepAndLeavesNothingElse) {
  ASSERT_THAT(WriteRef("main", commit_), IsOk());
  ASSERT_THAT(WriteRef("main", Commit('4')), IsOk());
  EXPECT_THAT(ReadRef("main"), IsOkAndHolds(Optional(Commit('4'))));
  EXPECT_THAT(Tree(refs_), ElementsAre("main"));
  EXPECT_THAT(Tree("models--acme--otter"),
              ElementsAre("refs/", "refs/main", "snapshots/", "snapshots/" + commit_.hex() + "/",
                          "snapshots/" + Commit('4').hex() + "/"));
}

TEST_F(RefTest, IsLeftAloneWhenItSaysSoAlready) {
  ASSERT_THAT(WriteRef("main", commit_), IsOk());
  const auto before = fs::last_write_time(root() / refs_);
  ASSERT_THAT(WriteRef("main", commit_), IsOk());
  EXPECT_EQ(fs::last_write_time(root() / refs_), before);
}

// The folder is there all the same: without it the JavaScript library cannot scan the repo.
TEST_F(RefTest, ACommitNeedsNone) {
  EXPECT_THAT(ReadRef(commit_.hex()), IsOkAndHolds(Optional(commit_)));
  ASSERT_THAT(WriteRef(commit_.hex(), commit_), IsOk());
  EXPECT_TRUE(fs::is_empty(root() / refs_));
}

TEST_F(RefTest, MissingEmptyOrMalformedIsNone) {
  EXPECT_THAT(ReadRef("main"), IsOkAndHolds(testing::Eq(std::nullopt)));
  for (const std::string& bad : {std::string(), std::string("\n"), std::string("123"), std::string(41, '3'),
                                 std::string(40, 'X'), std::string(100'000, '3')}) {
    Given(refs_ / "main", bad);
    EXPECT_THAT(ReadRef("main"), IsOkAndHolds(testing::Eq(std::nullopt))) << bad.substr(0, 50);
  }
}

TEST_F(RefTest, AMalformedOneIsReplaced) {
  Given(refs_ / "main", "");
  ASSERT_THAT(WriteRef("main", commit_), IsOk());
  EXPECT_EQ(Read(refs_ / "main"), commit_.hex());
}

TEST_F(RefTest, AToolThatEndsTheLineIsUnderstood) {
  Given(refs_ / "main", commit_.hex() + "\n");
  EXPECT_THAT(ReadRef("main"), IsOkAndHolds(Optional(commit_)));
}

TEST_F(RefTest, AFolderOrFileInTheWayIsNone) {
  Given(refs_ / "a/b", commit_.hex());
  EXPECT_THAT(ReadRef("a"), IsOkAndHolds(testing::Eq(std::nullopt)));
  EXPECT_THAT(ReadRef("a/b/c"), IsOkAndHolds(testing::Eq(std::nullopt)));
}

TEST_F(RefTest, AFolderOrFileInTheWayIsAClearErrorForWriting) {
  Given(refs_ / "a/b", commit_.hex());
  EXPECT_THAT(WriteRef("a", commit_), HasReason("INVALID_PATH"));
  EXPECT_THAT(WriteRef("a/b/c", commit_), HasReason("INVALID_PATH"));
  EXPECT_THAT(Tree(refs_), ElementsAre("a/", "a/b"));
}

TEST_F(RefTest, IsNotWrittenThroughAPlantedSymlink) {
  fs::create_directories(root() / "outside");
  GivenLink(refs_ / "refs", (root() / "outside").native());
  EXPECT_THAT(WriteRef("refs/pr/1", commit_), HasReason("INVALID_PATH"));
  EXPECT_THAT(Tree("outside"), IsEmpty());
}

TEST_F(RefTest, HasTheModeOfANewFile) {
  const mode_t old_mask = ::umask(027);
  const absl::Status status = WriteRef("main", commit_);
  ::umask(old_mask);
  ASSERT_THAT(status, IsOk());

  struct stat info {};

  ASSERT_EQ(::stat((root() / refs_ / "main").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
}

TEST_F(RefTest, AFileThatTheHubDoesNotHaveIsMarkedByAnEmptyFile) {
  const fs::path marker =
      fs::path("models--acme--otter/.no_exist") / commit_.hex() / "a/generation_config.json";
  const RepoPath path = *RepoPath::Parse("a/generation_config.json");
  ASSERT_THAT(cache_->WriteNoExist(repo_, commit_, path), IsOk());
  ASSERT_THAT(cache_->WriteNoExist(repo_, commit_, path), IsOk());
  EXPECT_TRUE(fs::is_regular_file(root() / marker));
  EXPECT_EQ(Read(marker), "");
}

TEST_F(RefTest, AMarkerIsNotWrittenThroughAPlantedSymlink) {
  fs::create_directories(root() / "outside");
  GivenLink(fs::path("models--acme--otter/.no_exist") / commit_.hex() / "a", (root() / "outside").native());
  EXPECT_THAT(cache_->WriteNoExist(repo_, commit_, *RepoPath::Parse("a/b")), HasReason("INVALID_PATH"));
  EXPECT_THAT(Tree("outside"), IsEmpty());
}

}  // namespace
}  // namespace batuta::cache
