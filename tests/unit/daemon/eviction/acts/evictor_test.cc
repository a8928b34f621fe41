#include "daemon/eviction/evictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cache_world/cache_world.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::eviction {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr uint64_t kAll = ~uint64_t{0};

class EvictorTest : public ::testing::Test {
 protected:
  void SetUp() override { Limit({}); }

  void Limit(const Quota& quota, std::chrono::milliseconds grace = std::chrono::milliseconds(0)) {
    EvictorOptions options;
    options.quota = quota;
    options.grace = grace;
    options.may_name = may_name_;
    evictor_ = std::make_unique<Evictor>(options, *world_.inventory, *world_.cache, world_.clock);
  }

  // A model of so many bytes, used now and not again.
  void Given(std::string_view id, size_t size, const std::string& config = "") {
    std::map<std::string, std::string> files = {{"model.bin", Bytes(id, size)}};
    if (!config.empty()) files["adapter_config.json"] = config;
    world_.Bring(id, '3', files);
    Use(id);
  }

  void Use(std::string_view id) {
    world_.clock.Advance(std::chrono::hours(24));
    ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
    ASSERT_THAT(world_.inventory->Touch(CacheWorld::Model(id), CacheWorld::Commit('3'), std::nullopt),
                IsOk());
  }

  // Another program says where the branch stands.
  void WriteMain(std::string_view id) {
    const std::string ref = "/hub/" + CacheWorld::Model(id).folder() + "/refs/main";
    ASSERT_THAT(world_.files.Remove(ref), IsOk());
    world_.files.Put(ref, CacheWorld::Commit('3').hex());
  }

  static std::string Bytes(std::string_view id, size_t size) {
    std::string bytes(size, 'x');
    std::copy_n(id.begin(), std::min(size, id.size()), bytes.begin());
    return bytes;
  }

  bool Has(std::string_view id) { return world_.Has(id, '3', "model.bin"); }

  absl::Status MakeRoom(uint64_t bytes) { return evictor_->MakeRoom({bytes, bytes}); }

  CacheWorld world_;
  std::function<bool(const RepoId&)> may_name_;
  std::unique_ptr<Evictor> evictor_;
};

const std::string kNeedsOtter = R"({"base_model_name_or_path": "ACME/Otter"})";

TEST_F(EvictorTest, WhatTheHubSaysProtectsABaseAsWell) {
  Given("acme/otter", 10);
  Given("acme/lora", 10);
  ASSERT_THAT(
      world_.inventory->hub_facts().Learn(CacheWorld::Model("acme/lora"), CacheWorld::Model("acme/lora"),
                                          {"base_model:adapter:acme/otter"}),
      IsOk());

  EXPECT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/otter")}, true), HasReason("IN_USE"));
}

TEST_F(EvictorTest, ABaseIsProtectedUnderItsNewNameByAModelThatNamesTheOldOne) {
  Given("acme/otter-2", 10);
  Given("acme/lora", 10, kNeedsOtter);
  EXPECT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/otter-2")}, false), IsOk());

  ASSERT_THAT(world_.inventory->hub_facts().Learn(CacheWorld::Model("acme/otter"),
                                                  CacheWorld::Model("acme/otter-2"), {}),
              IsOk());

  EXPECT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/otter-2")}, true), HasReason("IN_USE"));
}

TEST_F(EvictorTest, MakesRoomByTheLeastRecentlyUsed) {
  Given("acme/old", 100);
  Given("acme/young", 100);
  Limit({.max_bytes = 250, .min_free_bytes = 0});

  EXPECT_THAT(MakeRoom(50), IsOk());
  EXPECT_TRUE(Has("acme/old"));
  EXPECT_THAT(MakeRoom(100), IsOk());

  EXPECT_FALSE(Has("acme/old"));
  EXPECT_TRUE(Has("acme/young"));
  EXPECT_THAT(world_.Faults(), IsEmpty());
}

TEST_F(EvictorTest, QuotaMayChange) {
  Given("acme/old", 100);
  ASSERT_THAT(MakeRoom(100), IsOk());
  ASSERT_TRUE(Has("acme/old"));

  evictor_->SetQuota({.max_bytes = 150, .min_free_bytes = 0});

  ASSERT_OK_AND_ASSIGN(const CacheUsage usage, evictor_->Measure());
  EXPECT_EQ(usage.quota.max_bytes, 150u);
  EXPECT_THAT(MakeRoom(100), IsOk());
  EXPECT_FALSE(Has("acme/old"));
}

TEST_F(EvictorTest, WhatOfAFileOnItsWayInIsThereCountsThoughItsFolderLooksAsBefore) {
  constexpr size_t kBlock = 4'096;  // what is there is counted in these
  Given("acme/old", 2 * kBlock);
  const auto part = std::filesystem::path(CacheWorld::kRoot) / "models--acme--new/blobs/x.batuta-part";
  world_.files.Put(part, std::string(kBlock, 'x'));
  Limit({.max_bytes = 4 * kBlock, .min_free_bytes = 0});
  ASSERT_THAT(MakeRoom(kBlock), IsOk());
  ASSERT_TRUE(Has("acme/old"));

  ASSERT_OK_AND_ASSIGN(const auto file, world_.files.Open(part, OpenMode::kReadWrite));
  const std::string more(kBlock, 'x');
  ASSERT_THAT(file->WriteAt(kBlock, std::as_bytes(std::span(more))), IsOk());

  EXPECT_THAT(MakeRoom(kBlock), IsOk());
  EXPECT_FALSE(Has("acme/old"));
}

TEST_F(EvictorTest, WhatCannotFitIsRefusedWithTheNumbersAndNothingGoes) {
  Given("acme/old", 100);
  Given("acme/pinned", 100);
  ASSERT_THAT(world_.pins->Add({CacheWorld::Model("acme/pinned"), std::nullopt, "2026-11-27", "demo"}),
              IsOk());
  Limit({.max_bytes = 250, .min_free_bytes = 0});

  const absl::Status refused = MakeRoom(200);

  EXPECT_THAT(refused, AllOf(HasReason("DISK_FULL"), HasMessage(HasSubstr("acme/pinned (pinned: demo)"))));
  EXPECT_TRUE(Has("acme/old"));
}

TEST_F(EvictorTest, OfWhatIsNotPublicNeitherNameNorReasonIsTold) {
  Given("acme/pinned", 100);
  ASSERT_THAT(world_.pins->Add({CacheWorld::Model("acme/pinned"), std::nullopt, "2026-11-27", "the merger"}),
              IsOk());
  may_name_ = [](const RepoId&) { return false; };
  Limit({.max_bytes = 150, .min_free_bytes = 0});

  const absl::Status refused = MakeRoom(200);

  EXPECT_THAT(refused, AllOf(HasReason("DISK_FULL"), HasMessage(HasSubstr("a model that is not public")),
                             Not(HasMessage(HasSubstr("merger"))), Not(HasMessage(HasSubstr("acme")))));
}

TEST_F(EvictorTest, ABaseStaysForItsAdapterWhateverItsAgeAndSpelling) {
  Given("acme/otter", 100);
  Given("acme/other", 100);
  Given("acme/lora", 10, kNeedsOtter);

  ASSERT_OK_AND_ASSIGN(const Report report, evictor_->Free(100, true));

  EXPECT_TRUE(Has("acme/otter"));
  EXPECT_FALSE(Has("acme/other"));
  EXPECT_GE(report.freed_bytes, 100U);
}

TEST_F(EvictorTest, AfterItsLastAdapterABaseMayGo) {
  Given("acme/otter", 100);
  Given("acme/lora", 10, kNeedsOtter);

  ASSERT_THAT(evictor_->Free(kAll, true), IsOk());

  EXPECT_FALSE(Has("acme/otter"));
  EXPECT_FALSE(Has("acme/lora"));
}

TEST_F(EvictorTest, AnOpenFileIsFoundAndAnotherGoesInstead) {
  Given("acme/open", 100);
  Given("acme/other", 100);
  const auto path = std::filesystem::path(CacheWorld::kRoot) / "models--acme--open/blobs" /
                    CacheWorld::BlobName(Bytes("acme/open", 100));
  ASSERT_OK_AND_ASSIGN(const auto reader, world_.files.Open(path, OpenMode::kRead));

  ASSERT_THAT(evictor_->Free(100, true), IsOk());

  EXPECT_TRUE(Has("acme/open"));
  EXPECT_FALSE(Has("acme/other"));
}

TEST_F(EvictorTest, WhatIsLeasedStays) {
  Given("acme/leased", 100);
  const auto lease = world_.inventory->leases().Take(CacheWorld::Model("acme/leased"), std::nullopt);

  ASSERT_THAT(evictor_->Free(kAll, true), IsOk());

  EXPECT_TRUE(Has("acme/leased"));
  EXPECT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/leased")}, true), HasReason("IN_USE"));
}

TEST_F(EvictorTest, AUseThatOnlyTheAccessTimeShowsIsSeenBeforeItIsTooLate) {
  Given("acme/first", 100);
  Given("acme/second", 100);
  // Somebody reads the older one, without the daemon.
  const auto path = std::filesystem::path(CacheWorld::kRoot) / "models--acme--first/blobs" /
                    CacheWorld::BlobName(Bytes("acme/first", 100));
  ASSERT_OK_AND_ASSIGN(auto reader, world_.files.Open(path, OpenMode::kReadWrite));
  std::byte byte{};
  world_.files.SetTime(world_.clock.wall() + std::chrono::hours(1));
  ASSERT_THAT(reader->ReadAt(0, std::span(&byte, 1)), IsOk());
  reader.reset();

  ASSERT_THAT(evictor_->Free(100, true), IsOk());

  EXPECT_TRUE(Has("acme/first"));
  EXPECT_FALSE(Has("acme/second"));
}

TEST_F(EvictorTest, ADryRunSaysWhyAndRemovesNothing) {
  Given("acme/otter", 100);
  Given("acme/lora", 10, kNeedsOtter);

  ASSERT_OK_AND_ASSIGN(const Report report, evictor_->Free(5, false));

  ASSERT_THAT(report.lines, SizeIs(2));
  EXPECT_TRUE(report.lines[0].goes);
  EXPECT_THAT(report.lines[0].why, HasSubstr("least recently used"));
  EXPECT_THAT(report.lines[1].why, HasSubstr("last used"));
  EXPECT_TRUE(Has("acme/lora"));
}

TEST_F(EvictorTest, OneFileOfTheDiskInTwoReposIsCountedAndFreedOnce) {
  Given("acme/one", 100);
  world_.Share("acme/one", "acme/two", '3', "model.bin", Bytes("acme/one", 100));
  Use("acme/two");

  ASSERT_OK_AND_ASSIGN(const CacheUsage usage, evictor_->Measure());
  EXPECT_EQ(usage.used_bytes, 100U);
  EXPECT_EQ(usage.shared_bytes, 100U);
  EXPECT_EQ(usage.reclaimable_bytes, 100U);

  ASSERT_OK_AND_ASSIGN(const Report report, evictor_->Remove({.repo = CacheWorld::Model("acme/one")}, true));
  EXPECT_EQ(report.freed_bytes, 0U);
  EXPECT_TRUE(Has("acme/two"));
}

TEST_F(EvictorTest, RemoveObeysPinsAndNeedsAndNames) {
  Given("acme/otter", 100);
  Given("acme/lora", 10, kNeedsOtter);
  EXPECT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/otter")}, true),
              AllOf(HasReason("IN_USE"), HasMessage(HasSubstr("acme/lora"))));
  EXPECT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/none")}, true), HasReason("OFFLINE_MISS"));

  EXPECT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/otter"), .force = true}, true), IsOk());
  EXPECT_FALSE(Has("acme/otter"));

  ASSERT_THAT(world_.pins->Add({CacheWorld::Model("acme/lora"), std::nullopt, "2026-11-27", ""}), IsOk());
  EXPECT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/lora"), .force = true}, true),
              HasReason("PINNED"));
  EXPECT_TRUE(Has("acme/lora"));
}

TEST_F(EvictorTest, SelectionsThatShareAFileGoTogetherWithoutLeavingIt) {
  world_.Bring("acme/otter", '3', {{"README.md", "x"}, {"a.gguf", "a"}, {"b.gguf", "b"}});
  const RepoId otter = CacheWorld::Model("acme/otter");
  ASSERT_THAT(world_.inventory->RecordPull(otter, CacheWorld::Commit('3'), "A", {"README.md", "a.gguf"}),
              IsOk());
  ASSERT_THAT(world_.inventory->RecordPull(otter, CacheWorld::Commit('3'), "B", {"README.md", "b.gguf"}),
              IsOk());

  ASSERT_THAT(evictor_->Remove({.repo = otter, .label = "A"}, true), IsOk());
  EXPECT_TRUE(world_.Has("acme/otter", '3', "README.md"));
  EXPECT_FALSE(world_.Has("acme/otter", '3', "a.gguf"));

  ASSERT_THAT(evictor_->Remove({.repo = otter}, true), IsOk());
  EXPECT_THAT(world_.inventory->All(), IsEmpty());
}

TEST_F(EvictorTest, PruneTakesOldRevisionsAndKeepsTheLastOnes) {
  world_.Bring("acme/otter", '1', {{"model.bin", "one"}});
  world_.Bring("acme/otter", '2', {{"model.bin", "two"}});
  world_.Bring("acme/otter", '3', {{"model.bin", "three"}});

  ASSERT_OK_AND_ASSIGN(const Report kept, evictor_->Prune({.older_than = {}, .keep_last = 2}, true));
  EXPECT_THAT(kept.lines, SizeIs(2));
  EXPECT_FALSE(world_.Has("acme/otter", '1', "model.bin"));
  EXPECT_TRUE(world_.Has("acme/otter", '2', "model.bin"));

  ASSERT_THAT(evictor_->Prune({}, true), IsOk());
  EXPECT_FALSE(world_.Has("acme/otter", '2', "model.bin"));
  EXPECT_TRUE(world_.Has("acme/otter", '3', "model.bin"));
}

TEST_F(EvictorTest, WhyTellsTheTurnOfEach) {
  Given("acme/first", 100);
  Given("acme/second", 100);

  ASSERT_OK_AND_ASSIGN(const Report report, evictor_->Why(CacheWorld::Model("acme/second")));

  ASSERT_THAT(report.lines, SizeIs(1));
  EXPECT_THAT(report.lines.front().why, HasSubstr("number 2 to go"));
  EXPECT_THAT(evictor_->Why(CacheWorld::Model("acme/none")), HasReason("OFFLINE_MISS"));
}

TEST_F(EvictorTest, ADryRunSaysWhatWouldBeFreedAndRemovesNothing) {
  world_.Bring("acme/otter", '1', {{"model.bin", "one"}, {"both.bin", "both"}});
  world_.Bring("acme/otter", '2', {{"model.bin", "three"}, {"both.bin", "both"}});

  ASSERT_OK_AND_ASSIGN(const Report prune, evictor_->Prune({}, false));
  ASSERT_THAT(prune.lines, SizeIs(1));
  EXPECT_EQ(prune.freed_bytes, 3U) << "the other file has a second home";
  ASSERT_OK_AND_ASSIGN(const Report remove,
                       evictor_->Remove({.repo = CacheWorld::Model("acme/otter")}, false));
  ASSERT_THAT(remove.lines, SizeIs(2));
  EXPECT_EQ(remove.freed_bytes, 12U);
  EXPECT_TRUE(world_.Has("acme/otter", '1', "model.bin"));

  ASSERT_OK_AND_ASSIGN(const Report pruned, evictor_->Prune({}, true));
  EXPECT_EQ(pruned.freed_bytes, 3U);
}

TEST_F(EvictorTest, PruneSaysWhyTheOthersStay) {
  world_.Bring("acme/otter", '1', {{"model.bin", "one"}});
  world_.Bring("acme/otter", '2', {{"model.bin", "two"}});
  world_.Bring("acme/otter", '3', {{"model.bin", "three"}});
  const auto lease =
      world_.inventory->leases().Take(CacheWorld::Model("acme/otter"), CacheWorld::Commit('2'));

  ASSERT_OK_AND_ASSIGN(const Report report, evictor_->Prune({}, true));

  ASSERT_THAT(report.lines, SizeIs(2));
  EXPECT_TRUE(report.lines[0].goes);
  EXPECT_FALSE(report.lines[1].goes);
  EXPECT_THAT(report.lines[1].why, HasSubstr("in use"));
  EXPECT_TRUE(world_.Has("acme/otter", '2', "model.bin"));
}

TEST_F(EvictorTest, AfterItsStopNothingGoes) {
  Given("acme/old", 100);
  evictor_->Stop();
  EXPECT_THAT(evictor_->Free(kAll, true), HasReason("DAEMON_STOPPING"));
  EXPECT_TRUE(Has("acme/old"));
}

// A blob that was just linked in from another repo is as old as it was there.
TEST_F(EvictorTest, WhatIsLooseStaysWhileSomebodyBringsFilesToTheRepo) {
  Given("acme/otter", 100);
  const std::string loose = "/hub/models--acme--otter/blobs/" + CacheWorld::BlobName("shared");
  world_.files.Put(loose, "shared");
  world_.clock.Advance(std::chrono::hours(48));
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());

  auto lease = world_.inventory->leases().Take(CacheWorld::Model("acme/otter"), CacheWorld::Commit('4'));
  ASSERT_THAT(evictor_->Prune({}, true), IsOk());
  EXPECT_NE(world_.files.Get(loose), std::nullopt);

  lease = {};
  ASSERT_THAT(evictor_->Prune({}, true), IsOk());
  EXPECT_EQ(world_.files.Get(loose), std::nullopt);
}

// Other tools tell nobody what they use: it shows in what they write.
TEST_F(EvictorTest, WhatAnotherProgramWroteToAMomentAgoIsNotEvicted) {
  Given("acme/old", 100);
  Given("acme/young", 100);
  Limit({}, std::chrono::minutes(2));
  world_.files.SetTime(world_.clock.wall() - std::chrono::seconds(30));
  WriteMain("acme/old");
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());

  ASSERT_OK_AND_ASSIGN(const Report report, evictor_->Free(kAll, true));

  EXPECT_TRUE(Has("acme/old"));
  EXPECT_FALSE(Has("acme/young"));
  EXPECT_THAT(report.lines.back().why, HasSubstr("another program wrote to its repo"));

  world_.clock.Advance(std::chrono::minutes(2));
  ASSERT_THAT(evictor_->Free(kAll, true), IsOk());
  EXPECT_FALSE(Has("acme/old"));
}

TEST_F(EvictorTest, AHalfFileThatStillGrowsKeepsItsRepo) {
  Given("acme/old", 100);
  Limit({}, std::chrono::minutes(2));
  world_.files.SetTime(world_.clock.wall());
  ASSERT_OK_AND_ASSIGN(const auto growing,
                       world_.files.Open("/hub/models--acme--old/blobs/x.incomplete", OpenMode::kCreate));
  world_.clock.Advance(std::chrono::minutes(10));
  world_.files.SetTime(world_.clock.wall());
  ASSERT_THAT(growing->WriteAt(0, std::as_bytes(std::span("more"))), IsOk());
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());

  ASSERT_THAT(evictor_->Free(kAll, true), IsOk());

  EXPECT_TRUE(Has("acme/old"));
}

TEST_F(EvictorTest, WhatWasWrittenByTheDaemonItselfMayGoAtOnce) {
  Given("acme/old", 100);
  Limit({}, std::chrono::minutes(2));
  world_.files.SetTime(world_.clock.wall());
  world_.Bring("acme/old", '3', {{"more.bin", "more"}});
  ASSERT_THAT(world_.inventory->RecordPull(CacheWorld::Model("acme/old"), CacheWorld::Commit('3'), "more",
                                           {"more.bin"}, true),
              IsOk());

  ASSERT_THAT(evictor_->Free(kAll, true), IsOk());

  EXPECT_FALSE(Has("acme/old"));
}

TEST_F(EvictorTest, WhatIsAskedForGoesEvenThen) {
  Given("acme/old", 100);
  Limit({}, std::chrono::minutes(2));
  world_.files.SetTime(world_.clock.wall());
  WriteMain("acme/old");

  ASSERT_THAT(evictor_->Remove({.repo = CacheWorld::Model("acme/old")}, true), IsOk());

  EXPECT_FALSE(Has("acme/old"));
}

// What goes first is written down as ours, or the rest would seem to be in use.
TEST_F(EvictorTest, LooseFilesThatGoDoNotKeepTheirRepo) {
  Given("acme/old", 100);
  Limit({}, std::chrono::minutes(2));
  world_.files.Put("/hub/models--acme--old/blobs/" + CacheWorld::BlobName("loose"), "loose");
  world_.clock.Advance(std::chrono::hours(48));
  world_.files.SetTime(world_.clock.wall());
  ASSERT_THAT(world_.inventory->Rescan(), IsOk());

  ASSERT_OK_AND_ASSIGN(const Report report, evictor_->Free(kAll, true));

  EXPECT_EQ(report.loose_files, 1U);
  EXPECT_FALSE(Has("acme/old"));
}

}  // namespace
}  // namespace batuta::eviction
