// A cache that is opened for reading only.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/cache.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

class ReadOnlyTest : public CacheTest {
 protected:
  void SetUp() override {
    CacheTest::SetUp();
    ASSERT_THAT(PutBlob(*cache_, repo_, entry_.blob, "0123456789"), IsOk());
    ASSERT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(true));
    ASSERT_THAT(cache_->WriteTree(repo_, {commit_, {entry_}}), IsOk());
    ASSERT_THAT(cache_->WriteRef(repo_, Revision::Main(), commit_), IsOk());
    cache_ = Cache::OpenReadOnly({root()}, *files_);
  }

  const Entry entry_ = MakeEntry("model", Sha256('a'), 10);
};

TEST_F(ReadOnlyTest, ReadsEverything) {
  EXPECT_THAT(cache_->ReadRef(repo_, Revision::Main()), IsOkAndHolds(Optional(commit_)));
  ASSERT_OK_AND_ASSIGN(const auto tree, cache_->ReadTree(repo_, commit_));
  ASSERT_TRUE(tree.has_value());
  EXPECT_THAT(tree->entries, ElementsAre(entry_));
  ASSERT_OK_AND_ASSIGN(const auto snapshot, cache_->ReadSnapshot(repo_, commit_));
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_THAT(snapshot->entries, SizeIs(1));
  EXPECT_THAT(cache_->ArePresent(repo_, commit_, {entry_}), IsOkAndHolds(ElementsAre(true)));
  EXPECT_EQ(cache_->SnapshotPath(repo_, commit_), root() / "models--acme--otter/snapshots" / commit_.hex());
  ASSERT_OK_AND_ASSIGN(const RootListing listing, cache_->ListRoot());
  EXPECT_THAT(listing.repos, SizeIs(1));
  EXPECT_THAT(cache_->Space(), IsOk());
  EXPECT_EQ(cache_->root(), root());
}

TEST_F(ReadOnlyTest, RefusesEveryWriteWithTheWayOut) {
  const std::vector<std::string> before = Tree("");
  const Entry other = MakeEntry("other", Sha256('a'), 10);
  for (const absl::Status& status :
       {cache_->OpenPartial(repo_, Sha256('b'), 1).status(),
        cache_->LinkExisting(repo_, commit_, other).status(), cache_->WriteTree(repo_, {commit_, {entry_}}),
        cache_->WriteRef(repo_, Revision::Main(), Commit('4')),
        cache_->WriteNoExist(repo_, commit_, other.path)}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied));
    EXPECT_THAT(status, HasReason("STORAGE_READ_ONLY"));
    EXPECT_THAT(HintOf(status), HasSubstr("HF_HUB_CACHE"));
  }
  EXPECT_EQ(Tree(""), before);
}

TEST_F(ReadOnlyTest, WhatIsInPlaceNeedsNoWrite) {
  EXPECT_THAT(cache_->LinkExisting(repo_, commit_, entry_), IsOkAndHolds(true));
  EXPECT_THAT(cache_->WriteRef(repo_, Revision::Main(), commit_), IsOk());
}

TEST_F(ReadOnlyTest, AMissingRootIsAnEmptyCache) {
  const auto cache = Cache::OpenReadOnly({folder_ / "none"}, *files_);
  ASSERT_OK_AND_ASSIGN(const RootListing listing, cache->ListRoot());
  EXPECT_THAT(listing.repos, IsEmpty());
  EXPECT_THAT(cache->ReadRef(repo_, Revision::Main()), IsOkAndHolds(testing::Eq(std::nullopt)));
  EXPECT_THAT(cache->ArePresent(repo_, commit_, {entry_}), IsOkAndHolds(ElementsAre(false)));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "none"));
}

}  // namespace
}  // namespace batuta::cache
