// A file system without symlinks: blobs are moved into snapshots (hub-protocol 4.7).
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/cache.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using Call = FakeFileSystem::Call;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class NoSymlinksTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    files_.Inject({EPERM, Call::kSymlink, "", 0, FakeFileSystem::kForEver});
    if (!has_hard_links()) files_.Inject({EPERM, Call::kLink, "", 0, FakeFileSystem::kForEver});
    auto cache = Cache::Open({"/hub", "boot-1"}, files_, store_);
    ASSERT_THAT(cache, IsOk());
    cache_ = *std::move(cache);
    ASSERT_THAT(cache_->WriteTree(repo_, {commit_, {entry_, twin_}}), IsOk());
  }

  static bool has_hard_links() { return GetParam(); }

  std::string Place(const CommitId& commit, const std::string& path) const {
    return "/hub/models--acme--otter/snapshots/" + commit.hex() + "/" + path;
  }

  FakeFileSystem files_;
  metadata::FakeMetadataStore store_;
  std::unique_ptr<Cache> cache_;
  const RepoId repo_ = Model("acme/otter");
  const CommitId commit_ = Commit('3');
  const Entry entry_ = MakeEntry("a/model", Sha256('a'), 10);
  const Entry twin_ = MakeEntry("b/twin", Sha256('a'), 10);
};

TEST_P(NoSymlinksTest, ANewBlobIsMovedToItsPlace) {
  ASSERT_THAT(PutBlob(*cache_, repo_, entry_.blob, "0123456789"), IsOk());
  EXPECT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(true));
  EXPECT_EQ(files_.Get(Place(commit_, "a/model")), "0123456789");
  EXPECT_EQ(files_.Get("/hub/models--acme--otter/blobs/" + entry_.blob.hex()), std::nullopt);
  EXPECT_THAT(cache_->ArePresent(repo_, commit_, {entry_, twin_}), IsOkAndHolds(ElementsAre(true, false)));
  EXPECT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(true));
}

TEST_P(NoSymlinksTest, TheSameBytesInASecondPlaceAreNotFetchedAgain) {
  ASSERT_THAT(PutBlob(*cache_, repo_, entry_.blob, "0123456789"), IsOk());
  ASSERT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(true));
  EXPECT_THAT(cache_->LinkExisting(repo_, commit_, twin_), IsOkAndHolds(true));
  EXPECT_EQ(files_.Get(Place(commit_, "a/model")), "0123456789");
  EXPECT_EQ(files_.Get(Place(commit_, "b/twin")), "0123456789");
  ASSERT_OK_AND_ASSIGN(const FileInfo first, files_.Info(Place(commit_, "a/model")));
  ASSERT_OK_AND_ASSIGN(const FileInfo second, files_.Info(Place(commit_, "b/twin")));
  EXPECT_EQ(first.inode == second.inode, has_hard_links());
  for (const std::string& path : files_.Paths()) EXPECT_THAT(path, Not(HasSubstr(".tmp")));
}

TEST_P(NoSymlinksTest, AnotherCommitTakesTheBytesOfTheFirst) {
  ASSERT_THAT(PutBlob(*cache_, repo_, entry_.blob, "0123456789"), IsOk());
  ASSERT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(true));
  const Entry moved = MakeEntry("elsewhere", Sha256('a'), 10);
  EXPECT_THAT(cache_->LinkExisting(repo_, Commit('4'), moved), IsOkAndHolds(true));
  EXPECT_EQ(files_.Get(Place(Commit('4'), "elsewhere")), "0123456789");
}

TEST_P(NoSymlinksTest, AFileOfAnotherSizeIsNotTakenForTheSameBytes) {
  files_.Put(Place(commit_, "a/model"), "short");
  EXPECT_THAT(cache_->LinkExisting(repo_, commit_, twin_), IsOkAndHolds(false));
  EXPECT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(false));
}

TEST_P(NoSymlinksTest, AWrongFileInItsPlaceIsReplaced) {
  files_.Put(Place(commit_, "a/model"), "short");
  ASSERT_THAT(PutBlob(*cache_, repo_, entry_.blob, "0123456789"), IsOk());
  EXPECT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(true));
  EXPECT_EQ(files_.Get(Place(commit_, "a/model")), "0123456789");
}

TEST_P(NoSymlinksTest, AFullDiskLeavesNoHalfCopy) {
  ASSERT_THAT(PutBlob(*cache_, repo_, entry_.blob, "0123456789"), IsOk());
  ASSERT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(true));
  files_.Inject({ENOSPC, has_hard_links() ? Call::kLink : Call::kWrite, ".tmp"});
  EXPECT_THAT(cache_->LinkExisting(repo_, commit_, twin_), HasReason("DISK_FULL"));
  EXPECT_EQ(files_.Get(Place(commit_, "b/twin")), std::nullopt);
  for (const std::string& path : files_.Paths()) EXPECT_THAT(path, Not(HasSubstr(".tmp")));
}

INSTANTIATE_TEST_SUITE_P(HardLinks, NoSymlinksTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Yes" : "No"; });

}  // namespace
}  // namespace batuta::cache
