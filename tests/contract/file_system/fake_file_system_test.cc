#include "tests/support/files/fake_file_system.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

// What the disk in memory can do beyond a real one: break on purpose.
namespace batuta {
namespace {

using Call = FakeFileSystem::Call;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class FakeFileSystemTest : public ::testing::Test {
 protected:
  FakeFileSystemTest() {
    EXPECT_THAT(files_.MakeFolders("/d"), IsOk());
    files_.SyncAll();
  }

  std::unique_ptr<File> Open(const std::filesystem::path& path) {
    auto file = files_.Open(path, OpenMode::kCreate);
    EXPECT_THAT(file, IsOk());
    return *std::move(file);
  }

  FakeFileSystem files_;
};

TEST_F(FakeFileSystemTest, APowerCutTakesContentThatWasNotSynced) {
  files_.Put("/d/f", "old");
  ASSERT_THAT(Open("/d/f")->WriteAt(0, Bytes("new")), IsOk());
  EXPECT_THAT(files_.Get("/d/f"), Optional(Eq("new")));
  files_.CutPower();
  EXPECT_THAT(files_.Get("/d/f"), Optional(Eq("old")));
}

TEST_F(FakeFileSystemTest, APowerCutKeepsContentUpToTheLatestSync) {
  files_.Put("/d/f", "");
  const auto file = Open("/d/f");
  ASSERT_THAT(file->WriteAt(0, Bytes("kept")), IsOk());
  ASSERT_THAT(file->Sync(), IsOk());
  ASSERT_THAT(file->WriteAt(4, Bytes("lost")), IsOk());
  ASSERT_THAT(file->Truncate(1), IsOk());
  files_.CutPower();
  EXPECT_THAT(files_.Get("/d/f"), Optional(Eq("kept")));
}

TEST_F(FakeFileSystemTest, ASyncedFileWhoseFolderWasNotSyncedIsGone) {
  const auto file = Open("/d/f");
  ASSERT_THAT(file->WriteAt(0, Bytes("x")), IsOk());
  ASSERT_THAT(file->Sync(), IsOk());
  files_.CutPower();
  EXPECT_THAT(files_.Paths(), ElementsAre("/d/"));
}

TEST_F(FakeFileSystemTest, ANamedFileThatWasNotSyncedIsEmpty) {
  ASSERT_THAT(Open("/d/f")->WriteAt(0, Bytes("x")), IsOk());
  ASSERT_THAT(files_.SyncFolder("/d"), IsOk());
  files_.CutPower();
  EXPECT_THAT(files_.Get("/d/f"), Optional(Eq("")));
}

TEST_F(FakeFileSystemTest, RenamesLinksSymlinksAndRemovalsNeedTheirFolderSynced) {
  files_.Put("/d/a", "a");
  files_.Put("/d/gone", "g");
  const auto change = [this] {
    ASSERT_THAT(files_.Rename("/d/a", "/d/b"), IsOk());
    ASSERT_THAT(files_.Link("/d/b", "/d/c"), IsOk());
    ASSERT_THAT(files_.Symlink("b", "/d/s"), IsOk());
    ASSERT_THAT(files_.Remove("/d/gone"), IsOk());
  };
  change();
  files_.CutPower();
  EXPECT_THAT(files_.Paths(), ElementsAre("/d/", "/d/a", "/d/gone"));
  ASSERT_OK_AND_ASSIGN(const FileInfo info, files_.Info("/d/a"));
  EXPECT_EQ(info.links, 1u);

  change();
  ASSERT_THAT(files_.SyncFolder("/d"), IsOk());
  files_.CutPower();
  EXPECT_THAT(files_.Paths(), ElementsAre("/d/", "/d/b", "/d/c", "/d/s -> b"));
  EXPECT_THAT(files_.Get("/d/s"), Optional(Eq("a")));
}

TEST_F(FakeFileSystemTest, ANewFolderNeedsItsParentSynced) {
  ASSERT_THAT(files_.MakeFolders("/d/e/f"), IsOk());
  ASSERT_THAT(files_.SyncFolder("/d/e"), IsOk());
  files_.CutPower();
  EXPECT_THAT(files_.Paths(), ElementsAre("/d/"));
  ASSERT_THAT(files_.MakeFolders("/d/e/f"), IsOk());
  ASSERT_THAT(files_.SyncFolder("/d"), IsOk());
  files_.CutPower();
  EXPECT_THAT(files_.Paths(), ElementsAre("/d/", "/d/e/"));
}

TEST_F(FakeFileSystemTest, TheNthMutationCutsThePowerBeforeItActs) {
  const uint64_t before = files_.mutations();
  files_.CutPowerAtMutation(3);
  const auto file = Open("/d/f");                     // 1
  EXPECT_THAT(file->WriteAt(0, Bytes("x")), IsOk());  // 2
  EXPECT_FALSE(files_.is_down());
  EXPECT_THAT(file->Sync(), HasReason("STORAGE_FAILED"));  // 3
  EXPECT_TRUE(files_.is_down());
  EXPECT_EQ(files_.mutations(), before + 3);
  std::array<std::byte, 1> byte{};
  EXPECT_THAT(file->ReadAt(0, byte), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(files_.Info("/d"), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(files_.MakeFolders("/x"), HasReason("STORAGE_FAILED"));
  files_.Restart();
  EXPECT_FALSE(files_.is_down());
  EXPECT_THAT(files_.Paths(), ElementsAre("/d/"));
  EXPECT_THAT(files_.MakeFolders("/x"), IsOk());
}

TEST_F(FakeFileSystemTest, AKillKeepsWhatWasWritten) {
  files_.KillAtMutation(3);
  const auto file = Open("/d/f");
  EXPECT_THAT(file->WriteAt(0, Bytes("x")), IsOk());
  EXPECT_FALSE(file->Sync().ok());
  files_.Restart();
  EXPECT_THAT(files_.Get("/d/f"), Optional(Eq("x")));
}

TEST_F(FakeFileSystemTest, RestartDropsLocksAndMakesOpenFilesStale) {
  const auto file = Open("/d/f");
  ASSERT_THAT(file->TryLock(), IsOkAndHolds(true));
  files_.SyncAll();
  files_.Restart();
  EXPECT_THAT(file->WriteAt(0, Bytes("x")), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(Open("/d/f")->TryLock(), IsOkAndHolds(true));
}

TEST_F(FakeFileSystemTest, FaultsHitTheChosenCalls) {
  files_.Inject({.error_number = EIO, .call = Call::kWrite, .path_part = "bad", .skip = 1, .times = 2});
  const auto bad = Open("/d/bad");
  const auto good = Open("/d/good");
  EXPECT_THAT(bad->WriteAt(0, Bytes("1")), IsOk()) << "skipped";
  EXPECT_THAT(good->WriteAt(0, Bytes("1")), IsOk()) << "another path";
  EXPECT_THAT(bad->Sync(), IsOk()) << "another call";
  EXPECT_THAT(bad->WriteAt(0, Bytes("2")), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(bad->WriteAt(0, Bytes("3")), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(bad->WriteAt(0, Bytes("4")), IsOk()) << "twice only";
  EXPECT_THAT(files_.Get("/d/bad"), Optional(Eq("4")));
  EXPECT_EQ(files_.calls(Call::kWrite), 5u);
}

TEST_F(FakeFileSystemTest, AFaultMayLastForEver) {
  files_.Inject({.error_number = EROFS, .times = FakeFileSystem::kForEver});
  for (int i = 0; i < 10; ++i) EXPECT_THAT(files_.MakeFolders("/x"), HasReason("STORAGE_READ_ONLY"));
  files_.ClearFaults();
  EXPECT_THAT(files_.MakeFolders("/x"), IsOk());
}

TEST_F(FakeFileSystemTest, AFaultOfARenameMatchesEitherPath) {
  files_.Put("/d/a", "");
  files_.Inject({.error_number = EXDEV, .path_part = "/d/b"});
  EXPECT_THAT(files_.Rename("/d/a", "/d/b"), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(files_.Paths(), Contains("/d/a"));
}

TEST_F(FakeFileSystemTest, AFullDiskSaysSo) {
  files_.SetCapacity(10);
  const auto file = Open("/d/f");
  EXPECT_THAT(file->WriteAt(0, Bytes("12345678")), IsOk());
  ASSERT_OK_AND_ASSIGN(const SpaceInfo space, files_.Space("/d"));
  EXPECT_EQ(space.free_bytes, 2u);
  EXPECT_EQ(space.total_bytes, 10u);
  EXPECT_THAT(file->WriteAt(8, Bytes("901")), HasReason("DISK_FULL"));
  EXPECT_THAT(file->WriteAt(0, Bytes("over")), IsOk()) << "what is there may be overwritten";
  EXPECT_THAT(Open("/d/g")->WriteAt(0, Bytes("123")), HasReason("DISK_FULL"));
  ASSERT_THAT(files_.Remove("/d/f"), IsOk());
  EXPECT_THAT(Open("/d/g")->WriteAt(0, Bytes("123")), IsOk());
}

TEST_F(FakeFileSystemTest, PutAndGetNeitherCountNorFail) {
  files_.CutPowerAtMutation(1);
  files_.Put("/new/deep/f", "x");
  EXPECT_THAT(files_.Get("/new/deep/f"), Optional(Eq("x")));
  EXPECT_EQ(files_.Get("/new/deep"), std::nullopt);
  EXPECT_EQ(files_.Get("/none"), std::nullopt);
  EXPECT_FALSE(files_.is_down());
  files_.CutPower();
  EXPECT_THAT(files_.Get("/new/deep/f"), Optional(Eq("x"))) << "what is put is durable";
}

TEST_F(FakeFileSystemTest, PathsMustBeAbsolute) {
  EXPECT_THAT(files_.Open("f", OpenMode::kCreate), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(files_.MakeFolders("a/b"), HasReason("STORAGE_FAILED"));
}

}  // namespace
}  // namespace batuta
