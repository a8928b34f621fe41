#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/blob_lock.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool Always() {
  return true;
}

class RemoveTest : public CacheTest {
 protected:
  void SetUp() override {
    CacheTest::SetUp();
    GivenSnapshot(commit_, {{"config.json", small_}, {"model.gguf", large_}});
    Given(folder() / "refs/main", commit_.hex());
  }

  void GivenSnapshot(const CommitId& commit, const std::vector<std::pair<std::string, std::string>>& files) {
    for (const auto& [path, blob] : files) {
      Given(folder() / "blobs" / blob, "content of " + blob.substr(0, 1));
      GivenLink(folder() / "snapshots" / commit.hex() / path, "../../blobs/" + blob);
    }
  }

  absl::StatusOr<Removal> Remove(const std::vector<std::string>& paths) {
    return cache_->Remove(repo_, commit_, paths, Always);
  }

  std::filesystem::path folder() const { return repo_.folder(); }

  const std::string small_ = std::string(40, 'c');
  const std::string large_ = std::string(64, 'a');
};

TEST_F(RemoveTest, TakesLinksAndTheBlobsThatNothingElseLeadsTo) {
  ASSERT_OK_AND_ASSIGN(const Removal removal, Remove({"model.gguf"}));

  EXPECT_EQ(removal.files, 1U);
  EXPECT_EQ(removal.blobs, 1U);
  EXPECT_GT(removal.freed_bytes, 0U);
  EXPECT_THAT(Tree(folder() / "blobs"), ElementsAre(small_));
  EXPECT_THAT(Tree(folder() / "snapshots" / commit_.hex()), ElementsAre("config.json"));
  EXPECT_EQ(Read(folder() / "refs/main"), commit_.hex());
}

TEST_F(RemoveTest, ABlobOfAnotherSnapshotStays) {
  const CommitId other = Commit('4');
  GivenSnapshot(other, {{"same.gguf", large_}});

  ASSERT_OK_AND_ASSIGN(const Removal removal, Remove({"config.json", "model.gguf"}));

  EXPECT_EQ(removal.blobs, 1U);
  EXPECT_THAT(Tree(folder() / "blobs"), ElementsAre(large_));
  EXPECT_THAT(Tree(folder() / "snapshots"), ElementsAre(other.hex() + "/", other.hex() + "/same.gguf"));
  EXPECT_THAT(Tree(folder() / "refs"), IsEmpty()) << "a ref to a snapshot that is gone";
}

TEST_F(RemoveTest, WithTheLastFileTheRepoGoes) {
  Given(folder() / "refs/refs/pr/1", commit_.hex());
  Given(folder() / "trees" / (commit_.hex() + ".json"), "{}");
  Given(folder() / ".no_exist" / commit_.hex() / "a/b.json", "");

  ASSERT_THAT(Remove({"config.json", "model.gguf"}), IsOk());

  EXPECT_TRUE(absl::IsNotFound(files_->Info(root() / folder()).status()))
      << ::testing::PrintToString(Tree(folder()));
}

TEST_F(RemoveTest, ARepoThatAPullHasBegunWithKeepsItsFolders) {
  Given(folder() / "trees" / (Commit('4').hex() + ".json"), "{}");

  ASSERT_THAT(Remove({"config.json", "model.gguf"}), IsOk());

  EXPECT_THAT(Tree(folder() / "snapshots"), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const FileInfo snapshots, files_->Info(root() / folder() / "snapshots"));
  EXPECT_EQ(snapshots.kind, FileInfo::Kind::kFolder) << "without it the Python library warns";
}

TEST_F(RemoveTest, AFileThatIsOpenElsewhereKeepsTheWholeSelection) {
  ASSERT_OK_AND_ASSIGN(auto reader, files_->Open(root() / folder() / "blobs" / large_, OpenMode::kRead));
  const auto before = Tree(folder());

  EXPECT_THAT(Remove({"config.json", "model.gguf"}), HasReason("IN_USE"));
  EXPECT_EQ(Tree(folder()), before);

  reader.reset();
  EXPECT_THAT(Remove({"config.json", "model.gguf"}), IsOk());
}

TEST_F(RemoveTest, WhoBeganToUseItIsAskedLast) {
  const auto before = Tree(folder());

  EXPECT_THAT(cache_->Remove(repo_, commit_, {"model.gguf"}, [] { return false; }), HasReason("IN_USE"));
  EXPECT_EQ(Tree(folder()), before);
}

TEST_F(RemoveTest, ABlobWhoseLockAnotherToolHoldsStaysLoose) {
  const auto lock = BlobLock::TryTake(*files_, root() / ".locks" / folder() / (large_ + ".lock"));
  ASSERT_TRUE(lock.has_value());

  ASSERT_OK_AND_ASSIGN(const Removal removal, Remove({"model.gguf"}));

  EXPECT_EQ(removal.blobs, 0U);
  ASSERT_OK_AND_ASSIGN(const RepoSurvey survey, cache_->Survey(repo_));
  ASSERT_EQ(survey.loose.size(), 1U);
  EXPECT_EQ(survey.loose.front().name, large_);
}

TEST_F(RemoveTest, WhatIsNotThereIsNoError) {
  EXPECT_THAT(Remove({"other.bin"}), IsOk());
  EXPECT_THAT(cache_->Remove(repo_, Commit('9'), {"config.json"}, Always), IsOk());
  EXPECT_THAT(cache_->Remove(Model("acme/none"), commit_, {"config.json"}, Always), IsOk());
  EXPECT_THAT(Tree(folder() / "blobs"), ElementsAre(large_, small_));
}

TEST_F(RemoveTest, LooseFilesGoOnlyWhenNamedAndNotLinked) {
  Given(folder() / "blobs" / std::string(64, 'b'), "loose");
  Given(folder() / "blobs" / (large_ + ".incomplete"), "half");

  ASSERT_THAT(cache_->RemoveLoose(repo_, {large_ + ".incomplete", large_}), IsOk());

  EXPECT_THAT(Tree(folder() / "blobs"), ElementsAre(large_, std::string(64, 'b'), small_));
}

TEST_F(RemoveTest, AFileInTheSnapshotItselfGoes) {
  Given(folder() / "snapshots" / commit_.hex() / "plain.bin", "plain");

  ASSERT_OK_AND_ASSIGN(const Removal removal, Remove({"plain.bin"}));

  EXPECT_GT(removal.freed_bytes, 0U);
  EXPECT_THAT(Tree(folder() / "snapshots" / commit_.hex()), ElementsAre("config.json", "model.gguf"));
}

// A removal that was killed between setting a blob aside and looking again; another tool had linked to it.
TEST_F(RemoveTest, WhatWasSetAsideComesBackAtTheNextStart) {
  const auto aside = folder() / (".batuta-" + instance() + "-7-" + large_ + ".aside");
  ASSERT_THAT(files_->Rename(root() / folder() / "blobs" / large_, root() / aside), IsOk());

  Reopen();

  EXPECT_EQ(Read(folder() / "snapshots" / commit_.hex() / "model.gguf"), "content of a");
  EXPECT_THAT(Tree(folder() / "blobs"), ElementsAre(large_, small_));
  EXPECT_TRUE(absl::IsNotFound(files_->Info(root() / aside).status()));
}

TEST_F(RemoveTest, WhatWasSetAsideAndBroughtAnewIsRemoved) {
  const auto aside = folder() / (".batuta-" + instance() + "-7-" + large_ + ".aside");
  Given(aside, "older");

  Reopen();

  EXPECT_EQ(Read(folder() / "blobs" / large_), "content of a");
  EXPECT_TRUE(absl::IsNotFound(files_->Info(root() / aside).status()));
}

TEST_F(RemoveTest, BytesThatAnotherRepoHasTooAreFreedWithTheirLastName) {
  const auto other = std::filesystem::path("models--acme--badger");
  ASSERT_THAT(files_->MakeFolders(root() / other / "blobs"), IsOk());
  ASSERT_THAT(files_->Link(root() / folder() / "blobs" / large_, root() / other / "blobs" / large_), IsOk());
  GivenLink(other / "snapshots" / commit_.hex() / "model.gguf", "../../blobs/" + large_);

  ASSERT_OK_AND_ASSIGN(const Removal first, Remove({"model.gguf"}));
  EXPECT_EQ(first.freed_bytes, 0U);
  EXPECT_EQ(first.blobs, 1U);
  EXPECT_EQ(Read(other / "snapshots" / commit_.hex() / "model.gguf"), "content of a");

  ASSERT_OK_AND_ASSIGN(const Removal last,
                       cache_->Remove(Model("acme/badger"), commit_, {"model.gguf"}, Always));
  EXPECT_EQ(last.freed_bytes, std::string("content of a").size());
}

}  // namespace
}  // namespace batuta::cache
