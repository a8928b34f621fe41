#include "daemon/cache/staged_blob.h"

#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/cache.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;
using Call = FakeFileSystem::Call;

class StagedBlobTest : public MemoryCacheTest {
 protected:
  std::string PlaceOf(const RepoId& repo, char blob) const {
    return fmt::format("/hub/{}/blobs/{}", repo.folder(), Sha256(blob).hex());
  }

  std::optional<std::string> Read(const RepoId& repo, char blob) const {
    return files_.Get(PlaceOf(repo, blob));
  }

  absl::StatusOr<StagedBlob> Stage(const RepoId& repo, char blob, std::string_view content) {
    return cache_->Stage(repo, Sha256(blob), BytesOf(content));
  }
};

TEST_F(StagedBlobTest, IsVisibleOncePublishedAndNotBefore) {
  std::vector<StagedBlob> staged;
  ASSERT_OK_AND_ASSIGN(StagedBlob first, Stage(otter_, 'a', "alpha"));
  ASSERT_OK_AND_ASSIGN(StagedBlob second, Stage(badger_, 'b', "beta"));
  EXPECT_EQ(Read(otter_, 'a'), std::nullopt);
  staged.push_back(std::move(first));
  staged.push_back(std::move(second));
  EXPECT_THAT(cache_->Publish(std::move(staged)), ElementsAre(IsOk(), IsOk()));
  EXPECT_THAT(Read(otter_, 'a'), Optional(std::string("alpha")));
  EXPECT_THAT(Read(badger_, 'b'), Optional(std::string("beta")));
  EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
}

TEST_F(StagedBlobTest, AGroupCostsOneSyncOfEachFolder) {
  std::vector<StagedBlob> staged;
  for (char blob = 'a'; blob <= 'f'; ++blob) {
    ASSERT_OK_AND_ASSIGN(StagedBlob one, Stage(otter_, blob, "content"));
    staged.push_back(std::move(one));
  }
  const uint64_t folders_before = files_.calls(Call::kSyncFolder);
  const uint64_t files_before = files_.calls(Call::kSync);
  EXPECT_THAT(cache_->Publish(std::move(staged)), Each(IsOk()));
  EXPECT_EQ(files_.calls(Call::kSyncFolder) - folders_before, 1u);
  EXPECT_EQ(files_.calls(Call::kSync), files_before);
}

TEST_F(StagedBlobTest, WhatIsNotPublishedIsRemoved) {
  { ASSERT_THAT(Stage(otter_, 'a', "alpha"), IsOk()); }
  EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));

  files_.Inject({ENOSPC, Call::kWrite, ".tmp"});
  EXPECT_THAT(Stage(otter_, 'a', "alpha"), HasReason("DISK_FULL"));
  EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
}

TEST_F(StagedBlobTest, ABlobThatIsThereIsNotStagedAgain) {
  files_.Put(PlaceOf(otter_, 'a'), "alpha");
  EXPECT_THAT(Stage(otter_, 'a', "alpha"), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(StagedBlobTest, AFailedSyncPublishesNothing) {
  for (const Call call : {Call::kSyncFiles, Call::kRename}) {
    std::vector<StagedBlob> staged;
    ASSERT_OK_AND_ASSIGN(StagedBlob one, Stage(otter_, 'a', "alpha"));
    staged.push_back(std::move(one));
    files_.Inject({EIO, call, ".tmp"});
    EXPECT_THAT(cache_->Publish(std::move(staged)), ElementsAre(HasReason("STORAGE_FAILED")));
    EXPECT_EQ(Read(otter_, 'a'), std::nullopt);
    EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
  }
}

TEST_F(StagedBlobTest, AfterAPowerCutBetweenAnyTwoStepsNothingHalfIsVisible) {
  bool is_through = false;
  for (uint64_t step = 1; !is_through; ++step) {
    SCOPED_TRACE(step);
    for (const char blob : {'a', 'b'}) files_.Remove(PlaceOf(otter_, blob)).IgnoreError();
    files_.SyncAll();
    files_.CutPowerAtMutation(step);
    const std::string alpha(5'000, 'a');
    std::vector<absl::Status> results;
    {
      std::vector<StagedBlob> staged;
      for (const char blob : {'a', 'b'}) {
        auto one = Stage(otter_, blob, alpha);
        if (one.ok()) staged.push_back(*std::move(one));
      }
      results = cache_->Publish(std::move(staged));
    }
    is_through = !files_.is_down();
    files_.CutPower();
    files_.Restart();
    Open();
    for (const char blob : {'a', 'b'}) {
      const std::optional<std::string> content = Read(otter_, blob);
      EXPECT_TRUE(!content || content == alpha);
      EXPECT_TRUE(content.has_value() || !is_through) << "what was reported as published must last";
    }
    EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
    ASSERT_LT(step, 100u);
  }
}

}  // namespace
}  // namespace batuta::cache
