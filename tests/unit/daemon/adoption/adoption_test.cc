#include "daemon/adoption/adoption.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <span>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cache_world/cache_world.h"
#include "tests/support/guard/fake_inspection.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::adoption {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AdoptionTest : public ::testing::Test {
 protected:
  int LookAtAll(Adoption& adoption) {
    world_.clock.Advance(std::chrono::seconds(3));  // what is younger is surveyed twice
    EXPECT_THAT(world_.inventory->RefreshChanged(), IsOk());
    int looked = 0;
    while (adoption.LookAtNext()) ++looked;
    return looked;
  }

  CacheWorld world_;
  guard::FakeInspection inspection_;
  Adoption adoption_{*world_.cache, *world_.inventory, inspection_, world_.store};
};

TEST_F(AdoptionTest, FindsWhatOthersBroughtThatIsUnsafe) {
  world_.Bring("acme/otter", '3', {{"config.json", "{}"}, {"model.bin", "pickle"}});
  world_.Bring("acme/stoat", '3', {{"config.json", "{}"}});

  EXPECT_EQ(LookAtAll(adoption_), 2);

  EXPECT_THAT(adoption_.UnsafeOf(CacheWorld::Model("acme/otter")),
              ElementsAre(Field(&UnsafeFile::path, "model.bin")));
  EXPECT_THAT(adoption_.UnsafeOf(CacheWorld::Model("acme/stoat")), IsEmpty());
}

TEST_F(AdoptionTest, LooksAgainOnlyAtWhatHasChanged) {
  world_.Bring("acme/otter", '3', {{"model.bin", "pickle"}});
  world_.Bring("acme/stoat", '3', {{"model.bin", "safe"}});
  LookAtAll(adoption_);
  world_.Bring("acme/stoat", '3', {{"more.bin", "malicious"}});

  EXPECT_EQ(LookAtAll(adoption_), 1);

  EXPECT_THAT(adoption_.UnsafeOf(CacheWorld::Model("acme/stoat")),
              ElementsAre(Field(&UnsafeFile::path, "more.bin")));
}

TEST_F(AdoptionTest, AfterARestartWhatItFoundIsKnownWithoutALook) {
  world_.Bring("acme/otter", '3', {{"model.bin", "pickle"}});
  LookAtAll(adoption_);
  const std::vector<UnsafeFile> before = adoption_.UnsafeOf(CacheWorld::Model("acme/otter"));
  const int inspections = inspection_.inspections;

  Adoption again(*world_.cache, *world_.inventory, inspection_, world_.store);
  LookAtAll(again);

  EXPECT_EQ(inspection_.inspections, inspections);
  EXPECT_EQ(again.UnsafeOf(CacheWorld::Model("acme/otter")), before);
}

TEST_F(AdoptionTest, WhatItFoundIsKeptInTheCatalogAndElseLookedAtAgain) {
  world_.Bring("acme/otter", '3', {{"model.bin", "pickle"}});
  LookAtAll(adoption_);
  const int inspections = inspection_.inspections;
  const std::vector<UnsafeFile> kept = adoption_.UnsafeOf(CacheWorld::Model("acme/otter"));
  EXPECT_EQ(inspection_.inspections, inspections);

  ASSERT_THAT(metadata::Delete(world_.store, metadata::Table::kAdopted,
                               CacheWorld::Model("acme/otter").folder(), metadata::Durability::kProcess),
              IsOk());

  EXPECT_EQ(adoption_.UnsafeOf(CacheWorld::Model("acme/otter")), kept);
  EXPECT_EQ(inspection_.inspections, inspections + 1);
}

TEST_F(AdoptionTest, LooksAgainAtAFileThatWasWrittenTo) {
  world_.Bring("acme/otter", '3', {{"model.bin", "safe"}});
  LookAtAll(adoption_);
  const std::filesystem::path blob = std::filesystem::path(CacheWorld::kRoot) /
                                     CacheWorld::Model("acme/otter").folder() / "blobs" /
                                     CacheWorld::BlobName("safe");
  const auto file = world_.files.Open(blob, OpenMode::kReadWrite);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->WriteAt(0, std::as_bytes(std::span(std::string_view("pick")))), IsOk());
  ASSERT_THAT(world_.inventory->Refresh(CacheWorld::Model("acme/otter")), IsOk());

  EXPECT_EQ(LookAtAll(adoption_), 1);

  EXPECT_THAT(adoption_.UnsafeOf(CacheWorld::Model("acme/otter")),
              ElementsAre(Field(&UnsafeFile::path, "model.bin")));
}

TEST_F(AdoptionTest, WhatCannotBeReadIsUnknownAndLookedAtAgainAfterARestart) {
  world_.Bring("acme/otter", '3', {{"model.bin", "safe"}});
  inspection_.failure = absl::UnavailableError("the disk is ill");
  LookAtAll(adoption_);
  EXPECT_THAT(
      adoption_.UnsafeOf(CacheWorld::Model("acme/otter")),
      ElementsAre(AllOf(Field(&UnsafeFile::verdict, "unknown"), Field(&UnsafeFile::code, "file-unreadable"),
                        Field(&UnsafeFile::reason, HasSubstr("the disk is ill")))));
  EXPECT_EQ(inspection_.inspections, 1) << "what it found is kept";

  inspection_.failure = absl::OkStatus();
  Adoption again(*world_.cache, *world_.inventory, inspection_, world_.store);
  LookAtAll(again);

  EXPECT_THAT(again.UnsafeOf(CacheWorld::Model("acme/otter")), IsEmpty());
}

TEST_F(AdoptionTest, AFileThatCannotBeOpenedIsUnknown) {
  world_.Bring("acme/otter", '3', {{"model.bin", "safe"}});
  world_.clock.Advance(std::chrono::seconds(3));
  ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  world_.files.Inject(
      {.error_number = EACCES, .call = FakeFileSystem::Call::kOpen, .times = FakeFileSystem::kForEver});

  EXPECT_TRUE(adoption_.LookAtNext());

  EXPECT_THAT(adoption_.UnsafeOf(CacheWorld::Model("acme/otter")),
              ElementsAre(Field(&UnsafeFile::code, "file-unreadable")));
}

TEST_F(AdoptionTest, ForgetsWhatIsGone) {
  world_.Bring("acme/marten", '3', {{"model.bin", "pickle"}});
  world_.Bring("acme/otter", '3', {{"model.bin", "pickle"}});
  world_.Bring("acme/stoat", '3', {{"model.bin", "pickle"}});
  LookAtAll(adoption_);
  for (const char* id : {"acme/marten", "acme/stoat"}) {
    ASSERT_THAT(world_.cache->Remove(CacheWorld::Model(id), CacheWorld::Commit('3'), {"model.bin"},
                                     [] { return true; }),
                IsOk());
  }

  EXPECT_EQ(LookAtAll(adoption_), 0);

  EXPECT_THAT(adoption_.UnsafeOf(CacheWorld::Model("acme/marten")), IsEmpty());
  EXPECT_THAT(adoption_.UnsafeOf(CacheWorld::Model("acme/stoat")), IsEmpty());
  EXPECT_THAT(adoption_.UnsafeOf(CacheWorld::Model("acme/otter")), SizeIs(1));
}

}  // namespace
}  // namespace batuta::adoption
