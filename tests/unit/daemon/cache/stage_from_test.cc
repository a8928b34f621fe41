#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/cache.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

// A blob that another repo has.
namespace batuta::cache {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Call = FakeFileSystem::Call;

class StageFromTest : public MemoryCacheTest {
 protected:
  static std::string PlaceIn(const RepoId& repo) {
    return fmt::format("/hub/{}/blobs/{}", repo.folder(), Sha256('a').hex());
  }

  auto StageFromOtter(uint64_t size_bytes = 5) {
    return cache_->StageFrom(otter_, badger_, Sha256('a'), size_bytes);
  }

  absl::Status PublishFromOtter() {
    ASSIGN_OR_RETURN(auto staged, StageFromOtter());
    if (!staged.has_value()) return absl::NotFoundError("nothing to share");
    std::vector<StagedBlob> group;
    group.push_back(*std::move(staged));
    return cache_->Publish(std::move(group)).front();
  }

  bool AreOneFile() {
    const auto a = files_.Info(PlaceIn(otter_));
    const auto b = files_.Info(PlaceIn(badger_));
    return a.ok() && b.ok() && a->inode == b->inode;
  }
};

TEST_F(StageFromTest, PublishedItIsOneFileWithTwoNames) {
  files_.Put(PlaceIn(otter_), "alpha");

  ASSERT_THAT(PublishFromOtter(), IsOk());

  EXPECT_TRUE(AreOneFile());
  EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
}

TEST_F(StageFromTest, IsNotVisibleBeforeAndLeavesNothingWhenDropped) {
  files_.Put(PlaceIn(otter_), "alpha");
  {
    ASSERT_OK_AND_ASSIGN(const auto staged, StageFromOtter());
    ASSERT_TRUE(staged.has_value());
    EXPECT_EQ(files_.Get(PlaceIn(badger_)), std::nullopt);
    ASSERT_OK_AND_ASSIGN(const auto file, staged->OpenForReading());
    EXPECT_EQ((*file->Info()).size_bytes, 5U);
  }
  EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
  EXPECT_EQ(files_.Get(PlaceIn(otter_)), "alpha");
}

TEST_F(StageFromTest, NothingWhereTheOtherDoesNotHaveIt) {
  EXPECT_THAT(StageFromOtter(), IsOkAndHolds(testing::Eq(std::nullopt))) << "no blob";
  files_.Put(PlaceIn(otter_), "alpha");
  EXPECT_THAT(StageFromOtter(6), IsOkAndHolds(testing::Eq(std::nullopt))) << "another size";
  ASSERT_THAT(files_.Rename(PlaceIn(otter_), "/hub/elsewhere"), IsOk());
  ASSERT_THAT(files_.Symlink("/hub/elsewhere", PlaceIn(otter_)), IsOk());
  EXPECT_THAT(StageFromOtter(), IsOkAndHolds(testing::Eq(std::nullopt))) << "a link to elsewhere";
  EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
}

TEST_F(StageFromTest, ABlobThatIsThereIsNotStagedAgain) {
  files_.Put(PlaceIn(otter_), "alpha");
  files_.Put(PlaceIn(badger_), "alpha");
  EXPECT_THAT(StageFromOtter(), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(StageFromTest, TwoAtOnceLeaveOneFileAndNoOther) {
  files_.Put(PlaceIn(otter_), "alpha");
  ASSERT_OK_AND_ASSIGN(auto first, StageFromOtter());
  ASSERT_OK_AND_ASSIGN(auto second, StageFromOtter());
  std::vector<StagedBlob> group;
  group.push_back(*std::move(first));
  group.push_back(*std::move(second));

  EXPECT_THAT(cache_->Publish(std::move(group)), ElementsAre(IsOk(), IsOk()));

  EXPECT_TRUE(AreOneFile());
  EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
}

TEST_F(StageFromTest, WhereAFileCannotHaveTwoNamesItIsCloned) {
  files_.Put(PlaceIn(otter_), "alpha");
  for (const int error_number : {EPERM, EMLINK, EXDEV}) {
    files_.Inject({error_number, Call::kLink, ".tmp"});
    ASSERT_THAT(PublishFromOtter(), IsOk());
    EXPECT_EQ(files_.Get(PlaceIn(badger_)), "alpha");
    EXPECT_FALSE(AreOneFile());
    ASSERT_THAT(files_.Remove(PlaceIn(badger_)), IsOk());
  }
}

TEST_F(StageFromTest, NothingWhereTheFileSystemCanDoNeither) {
  files_.Put(PlaceIn(otter_), "alpha");
  files_.Inject({EMLINK, Call::kLink, ".tmp"});
  files_.Inject({EOPNOTSUPP, Call::kClone});
  EXPECT_THAT(StageFromOtter(), IsOkAndHolds(testing::Eq(std::nullopt)));
  EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
}

// A temporary name of a crashed run may be another name of a blob: writing to it would change the blob.
TEST_F(StageFromTest, WhatACrashLeftIsNotWrittenTo) {
  files_.Put(PlaceIn(otter_), "alpha");
  ASSERT_OK_AND_ASSIGN(auto staged, StageFromOtter());
  const auto left = staged->temp();
  staged->Release();
  files_.Inject({EACCES, Call::kRemove, ".tmp", 0, 1});  // so the next start cannot tidy up
  Open();
  ASSERT_NE(files_.Get(left), std::nullopt);

  ASSERT_THAT(cache_->Stage(badger_, Sha256('b'), BytesOf("beta")), IsOk());

  EXPECT_EQ(files_.Get(PlaceIn(otter_)), "alpha");
}

TEST_F(StageFromTest, AfterAPowerCutBetweenAnyTwoStepsNothingHalfIsVisible) {
  bool is_through = false;
  for (uint64_t step = 1; !is_through; ++step) {
    SCOPED_TRACE(step);
    files_.Remove(PlaceIn(badger_)).IgnoreError();
    ASSERT_THAT(files_.MakeFolders(fmt::format("/hub/{}/blobs", badger_.folder())), IsOk());
    // As another tool leaves it: the name is durable, the bytes are not.
    files_.Put(PlaceIn(otter_), "");
    files_.SyncAll();
    ASSERT_OK_AND_ASSIGN(auto file, files_.Open(PlaceIn(otter_), OpenMode::kReadWrite));
    ASSERT_THAT(file->WriteAt(0, BytesOf("alpha")), IsOk());
    files_.CutPowerAtMutation(step);
    const absl::Status status = PublishFromOtter();
    is_through = !files_.is_down();
    if (is_through) {
      EXPECT_THAT(status, IsOk());
    }
    files_.CutPower();
    files_.Restart();
    Open();
    const std::optional<std::string> content = files_.Get(PlaceIn(badger_));
    EXPECT_TRUE(!content || content == "alpha") << *content;
    EXPECT_TRUE(content.has_value() || !is_through) << "what was reported as published must last";
    EXPECT_THAT(files_.Paths(), Each(Not(HasSubstr(".tmp"))));
    ASSERT_LT(step, 100U);
  }
}

}  // namespace
}  // namespace batuta::cache
