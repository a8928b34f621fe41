#include "daemon/eviction/listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cache_world/cache_world.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::eviction {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

class ListingTest : public ::testing::Test {
 protected:
  Listing List(const std::vector<RepoId>& only = {}) {
    EXPECT_THAT(world_.inventory->RefreshChanged(), IsOk());
    return ListingOf(
        MakeView(*world_.inventory, *world_.pins, world_.inventory->leases(), {}, WallTime::max()), only);
  }

  CacheWorld world_;
};

TEST_F(ListingTest, AnEmptyCacheHasNothing) {
  EXPECT_THAT(List().repos, IsEmpty());
  EXPECT_EQ(List().total_bytes, 0U);
}

TEST_F(ListingTest, TellsReposRevisionsRefsAndSizes) {
  world_.Bring("acme/otter", '3', {{"config.json", "0123456789"}, {"onnx/model.onnx", "01234"}});
  world_.Bring("acme/otter", '4', {{"config.json", "0123456789"}}, /*is_main=*/false);
  world_.Bring("gpt2", '5', {{"data", "012"}});

  const Listing listing = List();

  EXPECT_EQ(listing.total_bytes, 18U);
  ASSERT_THAT(listing.repos, SizeIs(2));
  const ListedRepo& otter = listing.repos[0];
  EXPECT_EQ(otter.repo, CacheWorld::Model("acme/otter"));
  EXPECT_EQ(otter.size_bytes, 15U);
  EXPECT_EQ(otter.file_count, 2U);
  ASSERT_THAT(otter.revisions, SizeIs(2));
  EXPECT_THAT(otter.revisions[0].refs, ElementsAre("main"));
  EXPECT_EQ(otter.revisions[0].file_count, 2U);
  EXPECT_EQ(otter.revisions[0].size_bytes, 15U);
  EXPECT_THAT(otter.revisions[1].refs, IsEmpty());
  EXPECT_EQ(otter.revisions[1].size_bytes, 10U);
}

TEST_F(ListingTest, OneFileOfTheDiskCountsOnceInAllRepos) {
  world_.Bring("acme/badger", '4', {{"a", "0123456789"}, {"b", "0123456789"}});
  world_.Share("acme/badger", "acme/otter", '3', "a", "0123456789");

  const Listing listing = List();

  EXPECT_EQ(listing.total_bytes, 10U);
  ASSERT_THAT(listing.repos, SizeIs(2));
  EXPECT_EQ(listing.repos[0].size_bytes, 10U);
  EXPECT_EQ(listing.repos[0].file_count, 1U);
  EXPECT_EQ(listing.repos[0].revisions[0].file_count, 2U);
  EXPECT_EQ(listing.repos[1].size_bytes, 10U);
}

TEST_F(ListingTest, AFileOfTwoSelectionsIsOneFileOfItsRevision) {
  world_.Bring("acme/otter", '3', {{"README.md", "r"}, {"a.gguf", "aa"}, {"b.gguf", "bbb"}});
  for (const std::string variant : {"a.gguf", "b.gguf"}) {
    ASSERT_THAT(world_.inventory->RecordPull(CacheWorld::Model("acme/otter"), CacheWorld::Commit('3'),
                                             variant, {"README.md", variant}),
                IsOk());
  }

  const Listing listing = List();

  ASSERT_THAT(listing.repos, SizeIs(1));
  EXPECT_EQ(listing.repos[0].revisions[0].file_count, 3U);
  EXPECT_EQ(listing.repos[0].size_bytes, 6U);
  ASSERT_THAT(listing.repos[0].selections, SizeIs(2));
  EXPECT_EQ(listing.repos[0].selections[0].label, "a.gguf");
  EXPECT_EQ(listing.repos[0].selections[0].size_bytes, 3U);
  EXPECT_EQ(listing.repos[0].selections[0].file_count, 2U);
}

TEST_F(ListingTest, SaysWhatKeepsThem) {
  world_.Bring("acme/otter", '3', {{"model.bin", "x"}});
  world_.Bring("acme/lora", '4', {{"adapter_config.json", R"({"base_model_name_or_path": "acme/otter"})"}});
  ASSERT_THAT(world_.pins->Add({CacheWorld::Model("acme/lora"), std::nullopt, "2026-11-27", "demo"}), IsOk());
  const auto lease = world_.inventory->leases().Take(CacheWorld::Model("acme/otter"), std::nullopt);

  const Listing listing = List();

  ASSERT_THAT(listing.repos, SizeIs(2));
  EXPECT_THAT(listing.repos[0].selections.front().pin, Optional(std::string("demo")));
  EXPECT_EQ(listing.repos[1].selections.front().leases, 1U);
  EXPECT_THAT(listing.repos[1].protected_by, ElementsAre(CacheWorld::Model("acme/lora")));
  EXPECT_THAT(listing.repos[0].protected_by, IsEmpty());
}

TEST_F(ListingTest, ListsTheReposNamedOnlyWithWhatProtectsThem) {
  world_.Bring("acme/otter", '3', {{"model.bin", "xyz"}});
  world_.Bring("acme/lora", '4', {{"adapter_config.json", R"({"base_model_name_or_path": "acme/otter"})"}});

  const Listing listing = List({CacheWorld::Model("acme/otter"), CacheWorld::Model("acme/none")});

  ASSERT_THAT(listing.repos, SizeIs(1));
  EXPECT_EQ(listing.repos[0].repo, CacheWorld::Model("acme/otter"));
  EXPECT_THAT(listing.repos[0].protected_by, ElementsAre(CacheWorld::Model("acme/lora")));
  EXPECT_EQ(listing.total_bytes, 3U);
}

}  // namespace
}  // namespace batuta::eviction
