#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/io/file_system.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

// What every FileSystem promises, on the machine's disk and on the one in memory.
namespace batuta {
namespace {

using absl::StatusCode;
using Kind = FileInfo::Kind;
using Path = std::filesystem::path;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct RealDisk {
  const std::unique_ptr<FileSystem> owned = MakePosixFileSystem();
  FileSystem& files = *owned;
  const TempFolder folder;
  const Path root = folder.path();
};

struct FakeDiskInMemory {
  FakeDiskInMemory() {
    fake.Put(root / "x", "");
    fake.Remove(root / "x").IgnoreError();
  }

  FakeFileSystem fake;
  FileSystem& files = fake;
  const Path root = "/home/test";
};

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

MATCHER_P(HasErrno, number, "carries errno " + std::to_string(number)) {
  const Facts facts = DetailsOf(StatusOf(arg)).facts;
  const auto fact = facts.find("errno");
  *result_listener << "which is " << StatusOf(arg).ToString();
  return fact != facts.end() && fact->second == std::to_string(number);
}

template <typename Disk>
class FileSystemContract : public ::testing::Test {
 protected:
  void Write(const Path& path, std::string_view content) {
    const auto file = files_.Open(path, OpenMode::kCreate);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Truncate(0), IsOk());
    ASSERT_THAT((*file)->WriteAt(0, Bytes(content)), IsOk());
  }

  std::string Read(const Path& path) {
    const auto content = ReadSmallFile(files_, path);
    return content.ok() ? *content : "error: " + content.status().ToString();
  }

  Disk disk_;
  FileSystem& files_ = disk_.files;
  const Path root_ = disk_.root;
};

class DiskNames {
 public:
  template <typename Disk>
  static std::string GetName(int /*index*/) {
    return std::is_same_v<Disk, RealDisk> ? "Posix" : "Fake";
  }
};

using Disks = ::testing::Types<RealDisk, FakeDiskInMemory>;
TYPED_TEST_SUITE(FileSystemContract, Disks, DiskNames);

TYPED_TEST(FileSystemContract, OpenModesDecideWhatMustExist) {
  const Path path = this->root_ / "f";
  EXPECT_THAT(this->files_.Open(path, OpenMode::kRead), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.Open(path, OpenMode::kReadWrite), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.Open(path, OpenMode::kCreateNew), IsOk());
  EXPECT_THAT(this->files_.Open(path, OpenMode::kCreateNew), StatusIs(StatusCode::kAlreadyExists));
  this->Write(path, "kept");
  EXPECT_THAT(this->files_.Open(path, OpenMode::kCreate), IsOk());
  EXPECT_EQ(this->Read(path), "kept");
  EXPECT_THAT(this->files_.Open(this->root_ / "no/f", OpenMode::kCreate), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.Open(path / "below-a-file", OpenMode::kCreate), HasErrno(ENOTDIR));
}

TYPED_TEST(FileSystemContract, FoldersAreNotOpenedAsFiles) {
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite, OpenMode::kCreate}) {
    EXPECT_THAT(this->files_.Open(this->root_, mode), HasErrno(EISDIR));
  }
  EXPECT_THAT(this->files_.Open(this->root_, OpenMode::kCreateNew), StatusIs(StatusCode::kAlreadyExists));
}

TYPED_TEST(FileSystemContract, WritesAndReadsAtAnyOffset) {
  ASSERT_OK_AND_ASSIGN(const auto file, this->files_.Open(this->root_ / "f", OpenMode::kCreateNew));
  ASSERT_THAT(file->WriteAt(6, Bytes("world")), IsOk());
  ASSERT_THAT(file->WriteAt(0, Bytes("hello")), IsOk());
  ASSERT_THAT(file->WriteAt(2, {}), IsOk());
  std::string buffer(20, '?');
  EXPECT_THAT(file->ReadAt(0, std::as_writable_bytes(std::span(buffer))), IsOkAndHolds(size_t{11}));
  EXPECT_EQ(buffer.substr(0, 11), std::string_view("hello\0world", 11));
  std::array<std::byte, 4> part{};
  EXPECT_THAT(file->ReadAt(9, part), IsOkAndHolds(size_t{2}));
  EXPECT_THAT(file->ReadAt(11, part), IsOkAndHolds(size_t{0}));
  EXPECT_THAT(file->ReadAt(1'000'000, part), IsOkAndHolds(size_t{0}));
  EXPECT_THAT(file->Sync(), IsOk());
}

TYPED_TEST(FileSystemContract, DirectReadsSeeWhatWasWrittenUpToTheVeryEnd) {
  const std::string content(3 * kDirectAlignment + 5, 'x');
  this->Write(this->root_ / "f", content);
  ASSERT_THAT(this->files_.Symlink("f", this->root_ / "link"), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto file, this->files_.Open(this->root_ / "link", OpenMode::kReadDirect));
  alignas(kDirectAlignment) std::array<std::byte, 2 * kDirectAlignment> buffer{};
  EXPECT_THAT(file->ReadAt(0, buffer), IsOkAndHolds(2 * kDirectAlignment));
  EXPECT_THAT(file->ReadAt(2 * kDirectAlignment, buffer), IsOkAndHolds(kDirectAlignment + 5));
  EXPECT_EQ(std::memcmp(buffer.data(), content.data(), kDirectAlignment + 5), 0);
  EXPECT_THAT(file->ReadAt(4 * kDirectAlignment, buffer), IsOkAndHolds(size_t{0}));
  EXPECT_THAT(file->WriteAt(0, Bytes("y")), HasErrno(EBADF));
}

TYPED_TEST(FileSystemContract, AFileOpenedToReadIsNotWritten) {
  this->Write(this->root_ / "f", "x");
  ASSERT_OK_AND_ASSIGN(const auto file, this->files_.Open(this->root_ / "f", OpenMode::kRead));
  EXPECT_THAT(file->WriteAt(0, Bytes("y")), HasErrno(EBADF));
  EXPECT_THAT(file->Truncate(0), HasErrno(EINVAL));
  EXPECT_EQ(this->Read(this->root_ / "f"), "x");
}

TYPED_TEST(FileSystemContract, TruncateCutsAndFillsWithZeros) {
  ASSERT_OK_AND_ASSIGN(const auto file, this->files_.Open(this->root_ / "f", OpenMode::kCreateNew));
  ASSERT_THAT(file->WriteAt(0, Bytes("hello")), IsOk());
  ASSERT_THAT(file->Truncate(2), IsOk());
  ASSERT_THAT(file->Truncate(4), IsOk());
  EXPECT_EQ(this->Read(this->root_ / "f"), std::string_view("he\0\0", 4));
  ASSERT_OK_AND_ASSIGN(const FileInfo info, file->Info());
  EXPECT_EQ(info.size_bytes, 4u);
}

TYPED_TEST(FileSystemContract, AnOpenFileOutlivesItsName) {
  ASSERT_OK_AND_ASSIGN(const auto file, this->files_.Open(this->root_ / "f", OpenMode::kCreateNew));
  ASSERT_THAT(this->files_.Remove(this->root_ / "f"), IsOk());
  ASSERT_THAT(file->WriteAt(0, Bytes("x")), IsOk());
  ASSERT_OK_AND_ASSIGN(const FileInfo info, file->Info());
  EXPECT_EQ(info.links, 0u);
  EXPECT_EQ(info.size_bytes, 1u);
  EXPECT_THAT(this->files_.Info(this->root_ / "f"), StatusIs(StatusCode::kNotFound));
}

TYPED_TEST(FileSystemContract, OnlyOneDescriptorHoldsTheLock) {
  const Path path = this->root_ / "lock";
  ASSERT_OK_AND_ASSIGN(auto first, this->files_.Open(path, OpenMode::kCreate));
  ASSERT_OK_AND_ASSIGN(const auto second, this->files_.Open(path, OpenMode::kRead));
  EXPECT_THAT(first->TryLock(), IsOkAndHolds(true));
  EXPECT_THAT(first->TryLock(), IsOkAndHolds(true)) << "again on the same one";
  EXPECT_THAT(second->TryLock(), IsOkAndHolds(false));
  first.reset();
  EXPECT_THAT(second->TryLock(), IsOkAndHolds(true)) << "closing drops it";
}

TYPED_TEST(FileSystemContract, AFileTellsWhetherItIsOpenElsewhere) {
  const Path path = this->root_ / "blob";
  this->Write(path, "x");
  ASSERT_OK_AND_ASSIGN(const auto ours, this->files_.Open(path, OpenMode::kRead));
  EXPECT_FALSE(ours->IsOpenElsewhere());
  {
    ASSERT_OK_AND_ASSIGN(const auto other, this->files_.Open(path, OpenMode::kRead));
    EXPECT_TRUE(ours->IsOpenElsewhere());
  }
  EXPECT_FALSE(ours->IsOpenElsewhere());
}

TYPED_TEST(FileSystemContract, ReadingLeavesTheAccessTimeAlone) {
  const Path path = this->root_ / "blob";
  this->Write(path, "x");
  ASSERT_OK_AND_ASSIGN(const FileInfo before, this->files_.Info(path));
  EXPECT_EQ(this->Read(path), "x");
  ASSERT_OK_AND_ASSIGN(const FileInfo after, this->files_.Info(path));
  EXPECT_EQ(before.accessed, after.accessed);
}

TYPED_TEST(FileSystemContract, TheLockFollowsTheFileAndNotTheName) {
  const Path path = this->root_ / "lock";
  ASSERT_OK_AND_ASSIGN(const auto removed, this->files_.Open(path, OpenMode::kCreate));
  ASSERT_THAT(removed->TryLock(), IsOkAndHolds(true));
  ASSERT_THAT(this->files_.Remove(path), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto fresh, this->files_.Open(path, OpenMode::kCreate));
  EXPECT_THAT(fresh->TryLock(), IsOkAndHolds(true));
  ASSERT_OK_AND_ASSIGN(const FileInfo held, removed->Info());
  ASSERT_OK_AND_ASSIGN(const FileInfo named, this->files_.Info(path));
  EXPECT_NE(held.inode, named.inode);
}

TYPED_TEST(FileSystemContract, RenameReplacesAFileInOneStep) {
  this->Write(this->root_ / "a", "new");
  this->Write(this->root_ / "b", "old");
  ASSERT_THAT(this->files_.Rename(this->root_ / "a", this->root_ / "b"), IsOk());
  EXPECT_EQ(this->Read(this->root_ / "b"), "new");
  EXPECT_THAT(this->files_.List(this->root_), IsOkAndHolds(ElementsAre("b")));
  EXPECT_THAT(this->files_.Rename(this->root_ / "a", this->root_ / "c"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.Rename(this->root_ / "b", this->root_ / "no/c"), StatusIs(StatusCode::kNotFound));
}

TYPED_TEST(FileSystemContract, RenameMovesFolders) {
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "a/b"), IsOk());
  this->Write(this->root_ / "a/b/f", "x");
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "empty"), IsOk());
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "full/x"), IsOk());
  this->Write(this->root_ / "file", "");
  EXPECT_THAT(this->files_.Rename(this->root_ / "a", this->root_ / "full"), HasErrno(ENOTEMPTY));
  EXPECT_THAT(this->files_.Rename(this->root_ / "a", this->root_ / "file"), HasErrno(ENOTDIR));
  EXPECT_THAT(this->files_.Rename(this->root_ / "file", this->root_ / "empty"), HasErrno(EISDIR));
  EXPECT_THAT(this->files_.Rename(this->root_ / "a", this->root_ / "a/b/c"), HasErrno(EINVAL));
  ASSERT_THAT(this->files_.Rename(this->root_ / "a", this->root_ / "empty"), IsOk());
  EXPECT_EQ(this->Read(this->root_ / "empty/b/f"), "x");
}

TYPED_TEST(FileSystemContract, RenameOntoAnotherNameOfTheSameFileChangesNothing) {
  this->Write(this->root_ / "a", "x");
  ASSERT_THAT(this->files_.Link(this->root_ / "a", this->root_ / "b"), IsOk());
  ASSERT_THAT(this->files_.Rename(this->root_ / "a", this->root_ / "b"), IsOk());
  EXPECT_THAT(this->files_.List(this->root_), IsOkAndHolds(ElementsAre("a", "b")));
}

TYPED_TEST(FileSystemContract, SymlinksAreReadAsTheyWereWritten) {
  ASSERT_THAT(this->files_.Symlink("../blobs/abc", this->root_ / "s"), IsOk());
  EXPECT_THAT(this->files_.ReadSymlink(this->root_ / "s"), IsOkAndHolds(std::string("../blobs/abc")));
  EXPECT_THAT(this->files_.Symlink("x", this->root_ / "s"), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_THAT(this->files_.Symlink("", this->root_ / "t"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.Symlink("x", this->root_ / "no/s"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.ReadSymlink(this->root_ / "none"), StatusIs(StatusCode::kNotFound));
  this->Write(this->root_ / "f", "");
  EXPECT_THAT(this->files_.ReadSymlink(this->root_ / "f"), HasErrno(EINVAL));
}

TYPED_TEST(FileSystemContract, ReadingFollowsSymlinksAndWritingDoesNot) {
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "blobs"), IsOk());
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "snapshots/c"), IsOk());
  this->Write(this->root_ / "blobs/abc", "content");
  const Path link = this->root_ / "snapshots/c/f";
  ASSERT_THAT(this->files_.Symlink("../../blobs/abc", link), IsOk());
  EXPECT_EQ(this->Read(link), "content");
  for (const OpenMode mode : {OpenMode::kReadWrite, OpenMode::kCreate, OpenMode::kCreateShared}) {
    EXPECT_THAT(this->files_.Open(link, mode), HasErrno(ELOOP));
  }
  EXPECT_THAT(this->files_.Open(link, OpenMode::kCreateNew), StatusIs(StatusCode::kAlreadyExists));
}

TYPED_TEST(FileSystemContract, ADanglingSymlinkIsThereButNotReadable) {
  const Path link = this->root_ / "s";
  ASSERT_THAT(this->files_.Symlink("nowhere", link), IsOk());
  EXPECT_THAT(this->files_.Open(link, OpenMode::kRead), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.Open(link, OpenMode::kCreate), HasErrno(ELOOP))
      << "nothing is made where it points";
  ASSERT_OK_AND_ASSIGN(const FileInfo info, this->files_.Info(link));
  EXPECT_EQ(info.kind, Kind::kSymlink);
}

TYPED_TEST(FileSystemContract, FoldersAreFoundThroughSymlinks) {
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "real"), IsOk());
  ASSERT_THAT(this->files_.Symlink("real", this->root_ / "way"), IsOk());
  this->Write(this->root_ / "way/f", "x");
  EXPECT_EQ(this->Read(this->root_ / "real/f"), "x");
  EXPECT_EQ(this->Read(this->root_ / "way/../real/./f"), "x");
  EXPECT_THAT(this->files_.MakeFolders(this->root_ / "way/deeper"), IsOk());
  EXPECT_THAT(this->files_.List(this->root_ / "way"), IsOkAndHolds(ElementsAre("deeper", "f")));
  ASSERT_THAT(this->files_.Symlink(this->root_.native() + "/real", this->root_ / "absolute"), IsOk());
  EXPECT_EQ(this->Read(this->root_ / "absolute/f"), "x");
}

TYPED_TEST(FileSystemContract, ALoopOfSymlinksIsAnError) {
  ASSERT_THAT(this->files_.Symlink("b", this->root_ / "a"), IsOk());
  ASSERT_THAT(this->files_.Symlink("a", this->root_ / "b"), IsOk());
  EXPECT_THAT(this->files_.Open(this->root_ / "a", OpenMode::kRead), HasErrno(ELOOP));
  EXPECT_THAT(this->files_.Info(this->root_ / "a/x"), HasErrno(ELOOP));
}

TYPED_TEST(FileSystemContract, LinksShareOneFile) {
  this->Write(this->root_ / "a", "x");
  ASSERT_THAT(this->files_.Link(this->root_ / "a", this->root_ / "b"), IsOk());
  this->Write(this->root_ / "b", "changed");
  EXPECT_EQ(this->Read(this->root_ / "a"), "changed");
  ASSERT_OK_AND_ASSIGN(const FileInfo a, this->files_.Info(this->root_ / "a"));
  ASSERT_OK_AND_ASSIGN(const FileInfo b, this->files_.Info(this->root_ / "b"));
  EXPECT_EQ(a.inode, b.inode);
  EXPECT_EQ(a.device, b.device);
  EXPECT_EQ(a.links, 2u);
  ASSERT_THAT(this->files_.Remove(this->root_ / "a"), IsOk());
  EXPECT_EQ(this->Read(this->root_ / "b"), "changed");
  EXPECT_THAT(this->files_.Link(this->root_ / "a", this->root_ / "c"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.Link(this->root_ / "b", this->root_ / "b"), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_THAT(this->files_.Link(this->root_, this->root_ / "c"), HasErrno(EPERM));
}

TYPED_TEST(FileSystemContract, ACloneHasTheBytesAndAFileOfItsOwnOrLeavesNothing) {
  this->Write(this->root_ / "a", "x");
  const absl::Status cloned = this->files_.Clone(this->root_ / "a", this->root_ / "b");
  if (cloned.ok()) {
    this->Write(this->root_ / "b", "changed");
    EXPECT_EQ(this->Read(this->root_ / "a"), "x");
    EXPECT_EQ(this->Read(this->root_ / "b"), "changed");
    EXPECT_THAT(this->files_.Clone(this->root_ / "a", this->root_ / "b"),
                StatusIs(StatusCode::kAlreadyExists));
  } else {
    EXPECT_THAT(this->files_.List(this->root_), IsOkAndHolds(ElementsAre("a")));
  }
  EXPECT_THAT(this->files_.Clone(this->root_ / "none", this->root_ / "c"), StatusIs(StatusCode::kNotFound));
}

TYPED_TEST(FileSystemContract, ALinkOfASymlinkIsASymlink) {
  ASSERT_THAT(this->files_.Symlink("target", this->root_ / "s"), IsOk());
  ASSERT_THAT(this->files_.Link(this->root_ / "s", this->root_ / "t"), IsOk());
  EXPECT_THAT(this->files_.ReadSymlink(this->root_ / "t"), IsOkAndHolds(std::string("target")));
}

TYPED_TEST(FileSystemContract, RemoveTakesFilesSymlinksAndEmptyFolders) {
  this->Write(this->root_ / "f", "x");
  ASSERT_THAT(this->files_.Symlink("f", this->root_ / "s"), IsOk());
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "d/e"), IsOk());
  EXPECT_THAT(this->files_.Remove(this->root_ / "d"), HasErrno(ENOTEMPTY));
  EXPECT_THAT(this->files_.Remove(this->root_ / "d/e"), IsOk());
  EXPECT_THAT(this->files_.Remove(this->root_ / "d"), IsOk());
  EXPECT_THAT(this->files_.Remove(this->root_ / "s"), IsOk());
  EXPECT_EQ(this->Read(this->root_ / "f"), "x") << "the symlink went, not its target";
  EXPECT_THAT(this->files_.Remove(this->root_ / "f"), IsOk());
  EXPECT_THAT(this->files_.Remove(this->root_ / "f"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.List(this->root_), IsOkAndHolds(IsEmpty()));
}

TYPED_TEST(FileSystemContract, MakeFoldersMakesTheWholePathAndKeepsWhatIsThere) {
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "a/b/c"), IsOk());
  this->Write(this->root_ / "a/b/f", "x");
  ASSERT_THAT(this->files_.MakeFolders(this->root_ / "a/b/c"), IsOk());
  EXPECT_THAT(this->files_.List(this->root_ / "a/b"), IsOkAndHolds(ElementsAre("c", "f")));
  EXPECT_THAT(this->files_.MakeFolders(this->root_ / "a/b/f"), HasErrno(ENOTDIR));
  EXPECT_THAT(this->files_.MakeFolders(this->root_ / "a/b/f/g"), HasErrno(ENOTDIR));
  ASSERT_THAT(this->files_.Symlink("nowhere", this->root_ / "s"), IsOk());
  EXPECT_THAT(this->files_.MakeFolders(this->root_ / "s/t"), StatusIs(StatusCode::kAlreadyExists))
      << "dangling";
}

TYPED_TEST(FileSystemContract, NamesHaveALimit) {
  const std::string longest(255, 'x');
  EXPECT_THAT(this->files_.Open(this->root_ / longest, OpenMode::kCreate), IsOk());
  EXPECT_THAT(this->files_.Open(this->root_ / (longest + "x"), OpenMode::kCreate), HasErrno(ENAMETOOLONG));
}

TYPED_TEST(FileSystemContract, InfoTellsKindAndSize) {
  this->Write(this->root_ / "f", "hello");
  ASSERT_THAT(this->files_.Symlink("f", this->root_ / "s"), IsOk());
  ASSERT_OK_AND_ASSIGN(const FileInfo file, this->files_.Info(this->root_ / "f"));
  EXPECT_EQ(file.kind, Kind::kFile);
  EXPECT_EQ(file.size_bytes, 5u);
  EXPECT_GE(file.allocated_bytes, 5u);
  EXPECT_EQ(file.links, 1u);
  EXPECT_GT(file.modified, FromUnixMillis(0));
  EXPECT_GT(file.accessed, FromUnixMillis(0));
  ASSERT_OK_AND_ASSIGN(const FileInfo symlink, this->files_.Info(this->root_ / "s"));
  EXPECT_EQ(symlink.kind, Kind::kSymlink);
  ASSERT_OK_AND_ASSIGN(const FileInfo folder, this->files_.Info(this->root_));
  EXPECT_EQ(folder.kind, Kind::kFolder);
  EXPECT_EQ(folder.device, file.device);
  EXPECT_THAT(this->files_.Info(this->root_ / "none"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.Info(this->root_ / "f/below"), HasErrno(ENOTDIR));
}

TYPED_TEST(FileSystemContract, ListIsSortedAndHoldsNamesOnly) {
  for (const std::string_view name : {"b", ".hidden", "a", "C"}) this->Write(this->root_ / name, "");
  EXPECT_THAT(this->files_.List(this->root_), IsOkAndHolds(ElementsAre(".hidden", "C", "a", "b")));
  EXPECT_THAT(this->files_.List(this->root_ / "none"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(this->files_.List(this->root_ / "a"), HasErrno(ENOTDIR));
}

TYPED_TEST(FileSystemContract, SyncFolderNeedsAFolder) {
  EXPECT_THAT(this->files_.SyncFolder(this->root_), IsOk());
  EXPECT_THAT(this->files_.SyncFolder(this->root_ / "none"), StatusIs(StatusCode::kNotFound));
  this->Write(this->root_ / "f", "");
  EXPECT_THAT(this->files_.SyncFolder(this->root_ / "f"), HasErrno(ENOTDIR));
}

TYPED_TEST(FileSystemContract, SyncsAFewFilesOrMany) {
  std::vector<std::filesystem::path> paths;
  for (int i = 0; i < 20; ++i) {
    paths.push_back(this->root_ / std::to_string(i));
    this->Write(paths.back(), "x");
    EXPECT_THAT(this->files_.SyncFiles(paths), IsOk());
  }
  EXPECT_THAT(this->files_.SyncFiles({}), IsOk());
  EXPECT_THAT(this->files_.SyncFiles({this->root_ / "none"}), StatusIs(StatusCode::kNotFound));
}

TYPED_TEST(FileSystemContract, SpaceIsThatOfTheDisk) {
  ASSERT_OK_AND_ASSIGN(const SpaceInfo space, this->files_.Space(this->root_));
  EXPECT_GT(space.free_bytes, 0u);
  EXPECT_GE(space.total_bytes, space.free_bytes);
  EXPECT_THAT(this->files_.Space(this->root_ / "none"), StatusIs(StatusCode::kNotFound));
}

TYPED_TEST(FileSystemContract, ReplaceFileWorksOnIt) {
  ASSERT_THAT(ReplaceFile(this->files_, this->root_ / "f", "one"), IsOk());
  ASSERT_THAT(ReplaceFile(this->files_, this->root_ / "f", "two"), IsOk());
  EXPECT_EQ(this->Read(this->root_ / "f"), "two");
  EXPECT_THAT(this->files_.List(this->root_), IsOkAndHolds(ElementsAre("f")));
}

}  // namespace
}  // namespace batuta
