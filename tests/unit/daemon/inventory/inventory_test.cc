#include "daemon/inventory/inventory.h"

#include <cerrno>
#include <unordered_set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/inventory/blob_marks.h"
#include "tests/support/cache_world/cache_world.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class InventoryTest : public ::testing::Test {
 protected:
  const Snapshot& Only(std::string_view id) {
    repo_ = world_.inventory->Find(CacheWorld::Model(id));
    EXPECT_NE(repo_, nullptr);
    EXPECT_THAT(repo_->snapshots, SizeIs(1));
    return repo_->snapshots.front();
  }

  WallTime LastAccess(std::string_view id, size_t selection = 0) {
    const Snapshot& snapshot = Only(id);
    return world_.inventory->LastAccess(repo_->repo, snapshot, snapshot.selections.at(selection));
  }

  CacheWorld world_;
  std::shared_ptr<const Repo> repo_;
};

TEST_F(InventoryTest, AdoptsWhatOthersBroughtAtStartAndWhileRunning) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}});
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  EXPECT_THAT(Only("acme/otter").refs, ElementsAre("main"));

  world_.Bring("acme/otter", '3', {{"model.bin", "weights"}});
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  EXPECT_THAT(Only("acme/otter").selections.front().files, SizeIs(2));

  world_.Start();
  EXPECT_THAT(Only("acme/otter").selections.front().files, SizeIs(2));
}

TEST_F(InventoryTest, KnowsWhichOtherRepoHasABlob) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}, {"model.bin", "weights"}});
  world_.Bring("acme/badger", '4', {{"otter.bin", "weights"}});
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  const auto entry = [](const std::string& content, uint64_t size_bytes) {
    return Entry{*RepoPath::Parse("any"), size_bytes, *BlobId::Parse(CacheWorld::BlobName(content)), ""};
  };
  const RepoId otter = CacheWorld::Model("acme/otter");
  const RepoId badger = CacheWorld::Model("acme/badger");

  EXPECT_THAT(world_.inventory->HoldersOf(
                  {entry("weights", 7), entry("{}", 2), entry("weights", 8), entry("none", 4)}, badger),
              ElementsAre(otter, otter, std::nullopt, std::nullopt));
  EXPECT_THAT(world_.inventory->HoldersOf({entry("{}", 2), entry("weights", 7)}, otter),
              ElementsAre(std::nullopt, badger));
  const auto lends = [&](const RepoId& repo) { return repo != badger; };
  EXPECT_THAT(world_.inventory->HoldersOf({entry("weights", 7)}, otter, lends), ElementsAre(std::nullopt));
}

TEST_F(InventoryTest, KnowsTheMarksOfAllThatIsThere) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}});
  world_.Bring("acme/badger", '3', {{"gone.json", "gone"}});
  const std::string blobs = "/hub/models--acme--otter/blobs/";
  ASSERT_THAT(world_.files.Open(blobs + CacheWorld::BlobName("loose"), OpenMode::kCreate), IsOk());
  ASSERT_THAT(world_.files.Open(blobs + CacheWorld::BlobName("coming") + ".incomplete", OpenMode::kCreate),
              IsOk());
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  ASSERT_THAT(world_.cache->Remove(CacheWorld::Model("acme/badger"), CacheWorld::Commit('3'), {"gone.json"},
                                   [] { return true; }),
              IsOk());
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());

  std::unordered_set<uint64_t> expected;
  for (const char* content : {"{}", "loose", "coming"}) {
    expected.insert(BlobMark(CacheWorld::BlobName(content)));
  }
  EXPECT_EQ(BlobMarksOf(world_.inventory->All()), expected);
}

TEST(BlobMarkTest, IsZeroForWhatIsNoName) {
  EXPECT_EQ(BlobMark("7b04" + std::string(60, '0')), 0x7b04000000000000U);
  EXPECT_EQ(BlobMark("7b04"), 0U);
  EXPECT_EQ(BlobMark(std::string(15, 'a') + "x" + std::string(48, 'a')), 0U);
  EXPECT_EQ(BlobMark(""), 0U);
}

TEST_F(InventoryTest, ForgetsWhatOthersDeleted) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}});
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  ASSERT_THAT(world_.cache->Remove(CacheWorld::Model("acme/otter"), CacheWorld::Commit('3'), {"config.json"},
                                   [] { return true; }),
              IsOk());

  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());

  EXPECT_THAT(world_.inventory->All(), IsEmpty());
}

TEST_F(InventoryTest, RemembersWhatAPullAskedForAcrossARestart) {
  world_.Bring("acme/otter", '3', {{"README.md", "x"}, {"a.gguf", "a"}, {"b.gguf", "b"}});
  ASSERT_THAT(world_.inventory->RecordPull(CacheWorld::Model("acme/otter"), CacheWorld::Commit('3'), "A",
                                           {"README.md", "a.gguf"}),
              IsOk());

  world_.Start();

  const Snapshot& snapshot = Only("acme/otter");
  ASSERT_THAT(snapshot.selections, SizeIs(2));
  EXPECT_EQ(snapshot.selections[0].label, "A");
  EXPECT_EQ(snapshot.selections[1].label, "b");
}

TEST_F(InventoryTest, RemembersWhyAPullTookWhatItTook) {
  world_.Bring("acme/otter", '3', {{"a.gguf", "a"}, {"b.gguf", "b"}});
  const RepoId otter = CacheWorld::Model("acme/otter");
  const CommitId commit = CacheWorld::Commit('3');
  const WallTime chosen_at = world_.clock.wall();
  ASSERT_THAT(world_.inventory->RecordPull(otter, commit, "A", {"a.gguf"}, true, "It fits."), IsOk());
  world_.clock.Advance(std::chrono::hours(5));
  ASSERT_THAT(world_.inventory->RecordPull(otter, commit, "A", {"a.gguf"}, true), IsOk());
  ASSERT_THAT(world_.inventory->RecordPull(otter, commit, "B", {"b.gguf"}, true), IsOk());

  world_.Start();

  std::map<std::string, PulledSelection> by_label;
  const std::vector<PulledSelection> known = world_.inventory->PulledOf(otter, commit).value();
  for (const PulledSelection& pulled : known) by_label[pulled.label] = pulled;
  EXPECT_EQ(by_label["A"].why, "It fits.");
  EXPECT_EQ(by_label["A"].chosen_at, chosen_at);
  EXPECT_EQ(by_label["B"].why, "");

  ASSERT_THAT(world_.inventory->RecordPull(otter, commit, "B", {"b.gguf"}, false, "So does it."), IsOk());
  ASSERT_THAT(world_.inventory->Forget(otter, commit, by_label["A"].id), IsOk());
  const std::vector<PulledSelection> left = world_.inventory->PulledOf(otter, commit).value();
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_EQ(left[0].why, "So does it.");
}

TEST_F(InventoryTest, ATouchIsOfTheSelectionsThatHaveTheFile) {
  world_.Bring("acme/otter", '3', {{"README.md", "x"}, {"a.gguf", "a"}, {"b.gguf", "b"}});
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());
  const WallTime before = LastAccess("acme/otter", 1);
  world_.clock.Advance(std::chrono::hours(5));

  ASSERT_THAT(world_.inventory->Touch(CacheWorld::Model("acme/otter"), CacheWorld::Commit('3'), "b.gguf"),
              IsOk());

  EXPECT_EQ(LastAccess("acme/otter", 1), before);
  EXPECT_EQ(LastAccess("acme/otter", 2), world_.clock.wall());
  world_.Start();
  EXPECT_EQ(LastAccess("acme/otter", 2), world_.clock.wall());
}

TEST_F(InventoryTest, WhatIsUsedAllTheTimeIsWrittenDownOnceAMinute) {
  world_.Bring("acme/otter", '3', {{"a.gguf", "a"}, {"b.gguf", "b"}});
  const RepoId repo = CacheWorld::Model("acme/otter");
  const CommitId commit = CacheWorld::Commit('3');
  EXPECT_FALSE(world_.inventory->TouchInMemory(repo, commit, "a.gguf"));  // nothing is known yet
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());
  world_.clock.Advance(std::chrono::hours(5));
  EXPECT_FALSE(world_.inventory->TouchInMemory(repo, commit, "a.gguf"));
  EXPECT_EQ(LastAccess("acme/otter", 0), world_.clock.wall());
  ASSERT_THAT(world_.inventory->Touch(repo, commit, "a.gguf"), IsOk());
  const uint64_t writes = world_.store.writes(metadata::Durability::kProcess);
  for (int i = 0; i < 2; ++i) {
    world_.clock.Advance(std::chrono::seconds(29));
    EXPECT_TRUE(world_.inventory->TouchInMemory(repo, commit, "a.gguf"));
    ASSERT_THAT(world_.inventory->Touch(repo, commit, "a.gguf"), IsOk());
    EXPECT_EQ(LastAccess("acme/otter", 0), world_.clock.wall());
  }
  EXPECT_EQ(world_.store.writes(metadata::Durability::kProcess), writes);
  EXPECT_FALSE(world_.inventory->TouchInMemory(repo, commit, std::nullopt));  // of b.gguf as well

  world_.clock.Advance(std::chrono::seconds(2));

  EXPECT_FALSE(world_.inventory->TouchInMemory(repo, commit, "a.gguf"));
  ASSERT_THAT(world_.inventory->Touch(repo, commit, "a.gguf"), IsOk());
  world_.Start();
  EXPECT_EQ(LastAccess("acme/otter", 0), world_.clock.wall());
}

TEST_F(InventoryTest, ReadsWhatAModelNeedsFromItsFiles) {
  world_.Bring("acme/lora", '3',
               {{"adapter_config.json", R"({"base_model_name_or_path": "acme/otter"})"},
                {"adapter.safetensors", "a"}});
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());

  const auto& needs = Only("acme/lora").needs;

  ASSERT_THAT(needs, SizeIs(1));
  EXPECT_EQ(needs.front().base.repo, CacheWorld::Model("acme/otter"));
  EXPECT_EQ(needs.front().relation, dependency::Relation::kAdapter);
}

TEST_F(InventoryTest, ARepoThatCannotBeReadKeepsItsLastStateAndTheOthersAreFound) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}});
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());
  world_.Bring("acme/stoat", '3', {{"config.json", "{}"}});
  world_.files.Inject({EIO, FakeFileSystem::Call::kList, "otter", 0, FakeFileSystem::kForEver});

  ASSERT_THAT(world_.inventory->Rescan(), IsOk());

  EXPECT_THAT(world_.inventory->All(), SizeIs(2));
  EXPECT_THAT(world_.inventory->Warnings({}), ElementsAre(HasSubstr("models--acme--otter cannot be read")));
}

TEST_F(InventoryTest, TellsWhatLooksWrongOfAllOrOfSome) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}});
  world_.files.Put(std::string(CacheWorld::kRoot) + "/stray", "");
  world_.files.Put(std::string(CacheWorld::kRoot) + "/models--acme--otter/refs/old", "x");
  world_.files.Put(std::string(CacheWorld::kRoot) + "/models--acme--stoat/blobs/x", "x");
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());
  EXPECT_THAT(world_.inventory->Warnings({}),
              ElementsAre(HasSubstr("stray"), HasSubstr("refs/old"), HasSubstr("models--acme--stoat")));
  EXPECT_THAT(world_.inventory->Warnings({CacheWorld::Model("acme/otter")}),
              ElementsAre(HasSubstr("refs/old")));
}

TEST_F(InventoryTest, AStartGoesOnlyThroughWhatHasChanged) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}, {"onnx/model.onnx", "o"}});
  world_.Bring("acme/stoat", '3', {{"config.json", "s"}});
  world_.clock.Advance(std::chrono::seconds(3));
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  world_.Bring("acme/stoat", '3', {{"more.json", "{}"}});
  world_.files.Inject({EIO, FakeFileSystem::Call::kReadSymlink, "acme--otter", 0, FakeFileSystem::kForEver});

  world_.Start();

  EXPECT_THAT(Only("acme/otter").selections.front().files, SizeIs(2));
  EXPECT_EQ(Only("acme/otter").refs, std::vector<std::string>{"main"});
  EXPECT_THAT(Only("acme/stoat").selections.front().files, SizeIs(2));
}

TEST_F(InventoryTest, OfManyReposThoseThatChangedAreSeen) {
  const auto name = [](int number) { return "acme/otter-" + std::to_string(number); };
  for (int number = 0; number < 450; ++number) world_.Bring(name(number), '3', {{"config.json", "{}"}});
  world_.clock.Advance(std::chrono::seconds(3));
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  for (const int number : {0, 149, 300, 449}) world_.Bring(name(number), '3', {{"more.json", "{}"}});

  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());

  for (const int number : {0, 149, 300, 449}) {
    EXPECT_THAT(Only(name(number)).selections.front().files, SizeIs(2)) << number;
  }
  EXPECT_THAT(Only(name(150)).selections.front().files, SizeIs(1));
  EXPECT_THAT(world_.inventory->All(), SizeIs(450));
}

TEST_F(InventoryTest, AFileThatComesInAFolderBelowIsSeen) {
  world_.Bring("acme/otter", '3', {{"onnx/model.onnx", "o"}});
  world_.clock.Advance(std::chrono::seconds(3));
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  world_.Bring("acme/otter", '3', {{"onnx/more.onnx", "m"}});

  world_.Start();

  EXPECT_THAT(Only("acme/otter").selections.front().files, SizeIs(2));
}

TEST_F(InventoryTest, WhatHasNotChangedIsNotWrittenAgain) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}});
  world_.files.Put(std::filesystem::path(CacheWorld::kRoot) / "models--acme--begun/trees/x.json", "{}");
  world_.clock.Advance(std::chrono::seconds(3));
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  const uint64_t writes = world_.store.writes(metadata::Durability::kProcess);

  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());
  ASSERT_THAT(world_.inventory->Refresh(CacheWorld::Model("acme/otter")), IsOk());

  EXPECT_EQ(world_.store.writes(metadata::Durability::kProcess), writes);
}

// File systems tell times in steps: what changes twice in one looks as if it had changed once.
TEST_F(InventoryTest, WhatChangedAMomentAgoIsSurveyedAgain) {
  world_.files.SetTime(world_.clock.wall());
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}});
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  EXPECT_THAT(world_.inventory->Find(CacheWorld::Model("acme/otter"))->stamps, IsEmpty());

  world_.clock.Advance(std::chrono::seconds(3));
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());

  EXPECT_FALSE(world_.inventory->Find(CacheWorld::Model("acme/otter"))->stamps.empty());
}

TEST_F(InventoryTest, ARecordThatCannotBeReadIsSurveyedAgain) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}});
  world_.clock.Advance(std::chrono::seconds(3));
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  for (const char* folder : {"models--acme--otter", "models--acme--gone", "nonsense"}) {
    ASSERT_THAT(metadata::Put(world_.store, metadata::Table::kSurveys, folder, "\xFF from the future",
                              metadata::Durability::kPower),
                IsOk());
  }

  world_.Start();

  EXPECT_THAT(Only("acme/otter").selections.front().files, SizeIs(1));
  EXPECT_THAT(world_.inventory->All(), SizeIs(1));
  EXPECT_THAT(world_.store.Get(metadata::Table::kSurveys, "models--acme--gone"), IsOkAndHolds(std::nullopt));
}

TEST_F(InventoryTest, ARescanBelievesNothingThatWasKnown) {
  world_.Bring("acme/lora", '3', {{"adapter_config.json", R"({"base_model_name_or_path": "acme/otter"})"}});
  world_.clock.Advance(std::chrono::seconds(3));
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  // In place: neither folders nor inodes tell of it.
  const auto blob = CacheWorld::BlobName(R"({"base_model_name_or_path": "acme/otter"})");
  world_.files.Put(std::filesystem::path(CacheWorld::kRoot) / "models--acme--lora/blobs" / blob,
                   R"({"base_model_name_or_path": "acme/stoat"})");

  ASSERT_THAT(world_.inventory->Rescan(), IsOk());

  ASSERT_THAT(Only("acme/lora").needs, SizeIs(1));
  EXPECT_EQ(Only("acme/lora").needs.front().base.repo, CacheWorld::Model("acme/stoat"));
}

}  // namespace
}  // namespace batuta::inventory
