#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/folder/beneath.h"
#include "daemon/push/local_folder.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/push/rewrite.h"

namespace batuta::push {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::SizeIs;

void Write(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::vector<std::string> PathsOf(const FolderListing& listing) {
  std::vector<std::string> paths;
  for (const LocalFile& file : listing.files) paths.push_back(file.path.text());
  return paths;
}

auto Objects(const std::string& path, const std::string& why) {
  return AllOf(Field(&Objection::path, path), Field(&Objection::why, HasSubstr(why)));
}

class FolderWalkTest : public ::testing::Test {
 protected:
  FolderListing Walk() { return Walk(folder_.path()); }

  FolderListing Walk(const fs::path& path) {
    auto opened = LocalFolder::Open(path);
    EXPECT_THAT(opened, IsOk());
    if (!opened.ok()) return {};
    opened_ = *std::move(opened);
    auto listing = opened_->Walk();
    EXPECT_THAT(listing, IsOk());
    return listing.ok() ? *std::move(listing) : FolderListing();
  }

  TempFolder folder_;
  TempFolder outside_;
  std::shared_ptr<const Folder> opened_;  // that was walked last
};

TEST_F(FolderWalkTest, ListsFilesSortedByPathWithTheirStamps) {
  Write(folder_ / "b.txt", "12345");
  Write(folder_ / "a/z.bin", "");
  Write(folder_ / "a.txt", "1");
  const FolderListing listing = Walk();
  EXPECT_THAT(PathsOf(listing), ElementsAre("a.txt", "a/z.bin", "b.txt"));
  EXPECT_EQ(listing.files[2].stamp.size_bytes, 5U);
  struct stat stat = {};
  ASSERT_EQ(::stat((folder_ / "b.txt").c_str(), &stat), 0);
  EXPECT_EQ(listing.files[2].stamp, StampOf(stat));
  EXPECT_THAT(listing.objections, IsEmpty());
}

TEST_F(FolderWalkTest, LeavesOutWhatRulesIgnoreAndSaysWhy) {
  Write(folder_ / ".gitignore", "*.log\nraw/\n");
  Write(folder_ / "a.log", "");
  Write(folder_ / "raw/deep/file", "");
  Write(folder_ / ".git/config", "");
  Write(folder_ / "sub/.batutaignore", "!a.log\nnotes\n");
  Write(folder_ / "sub/a.log", "");
  Write(folder_ / "sub/notes", "");
  const FolderListing listing = Walk();
  EXPECT_THAT(PathsOf(listing), ElementsAre(".gitignore", "sub/.batutaignore", "sub/a.log"));
  EXPECT_THAT(listing.ignored, ElementsAre(IgnoredPath{".git/", "the hub never takes it"},
                                           IgnoredPath{"a.log", "`*.log` in .gitignore, line 1"},
                                           IgnoredPath{"raw/", "`raw/` in .gitignore, line 2"},
                                           IgnoredPath{"sub/notes", "`notes` in sub/.batutaignore, line 2"}));
}

TEST_F(FolderWalkTest, RulesThatCannotBeReadStopThePush) {
  ASSERT_EQ(::mkfifo((folder_ / ".gitignore").c_str(), 0600), 0);
  Write(folder_ / "secret", "");
  EXPECT_THAT(Walk().objections, Contains(Objects(".gitignore", "nobody knows what to ignore")));
}

TEST_F(FolderWalkTest, FollowsASymlinkToAFileInside) {
  Write(folder_ / "real/model.bin", "123");
  fs::create_directories(folder_ / "links");
  fs::create_symlink("../real/model.bin", folder_ / "links/relative.bin");
  fs::create_symlink(folder_ / "real/model.bin", folder_ / "links/absolute.bin");
  const FolderListing listing = Walk();
  EXPECT_THAT(listing.objections, IsEmpty());
  ASSERT_THAT(PathsOf(listing), ElementsAre("links/absolute.bin", "links/relative.bin", "real/model.bin"));
  EXPECT_EQ(listing.files[0].stamp, listing.files[2].stamp);
  for (const LocalFile& file : listing.files) EXPECT_THAT(opened_->OpenFile(file), IsOk());
}

TEST_F(FolderWalkTest, ObjectsToEverySymlinkThatLeadsElsewhere) {
  Write(outside_ / "passwd", "root");
  Write(folder_ / "sub/x", "");
  fs::create_symlink(outside_ / "passwd", folder_ / "absolute");
  fs::create_symlink("../" + outside_.path().filename().native() + "/passwd", folder_ / "relative");
  fs::create_symlink("sub/../../" + outside_.path().filename().native() + "/passwd", folder_ / "roundabout");
  fs::create_symlink("loop", folder_ / "loop");
  fs::create_symlink("nowhere", folder_ / "dangling");
  fs::create_symlink("sub", folder_ / "folder");
  fs::create_symlink("..", folder_ / "sub/up");
  fs::create_symlink("/proc/self/exe", folder_ / "magic");
  // A folder whose name merely begins like that of the pushed one.
  fs::create_symlink(folder_.path().native() + "-evil/x", folder_ / "sibling");
  const FolderListing listing = Walk();
  EXPECT_THAT(PathsOf(listing), ElementsAre("sub/x"));
  EXPECT_THAT(listing.objections,
              ElementsAre(Objects("absolute", "out of the folder"), Objects("dangling", "nowhere"),
                          Objects("folder", "symlink to a folder"), Objects("loop", "to its end"),
                          Objects("magic", "out of the folder"), Objects("relative", "out of the folder"),
                          Objects("roundabout", "out of the folder"), Objects("sibling", "out of the folder"),
                          Objects("sub/up", "symlink")));
}

TEST_F(FolderWalkTest, ObjectsToWhatIsNoFile) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  const std::string at = folder_ / "socket";
  ASSERT_LT(at.size(), sizeof(address.sun_path));
  at.copy(address.sun_path, at.size());
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the way of sockets
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(socket);
  fs::create_symlink("pipe", folder_ / "to-pipe");
  const FolderListing listing = Walk();
  EXPECT_THAT(listing.files, IsEmpty());
  EXPECT_THAT(listing.objections, ElementsAre(Objects("pipe", "a named pipe"), Objects("socket", "a socket"),
                                              Objects("to-pipe", "a named pipe")));
}

TEST_F(FolderWalkTest, ObjectsToNamesThatNoRepoCanHave) {
  Write(folder_ / "bad\xff.txt", "");
  Write(folder_ / "line\nbreak", "");
  Write(folder_ / "back\\slash", "");
  Write(folder_ / "dir\xfe/one", "");
  Write(folder_ / "dir\xfe/two", "");
  Write(folder_ / ".GIT/config", "");
  const FolderListing listing = Walk();
  EXPECT_THAT(listing.files, IsEmpty());
  EXPECT_THAT(listing.objections, ElementsAre(Objects(".GIT", "`.git`"), Objects("back\\slash", "backslash"),
                                              Objects("bad\\xff.txt", "UTF-8"), Objects("dir\\xfe", "UTF-8"),
                                              Objects("line\\x0abreak", "control")));
}

TEST_F(FolderWalkTest, ObjectsToFoldersNestedDeeperThanAPathMayBe) {
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += "d/";
  Write(folder_ / (deep + "file"), "");
  const FolderListing listing = Walk();
  EXPECT_THAT(listing.files, IsEmpty());
  EXPECT_THAT(listing.objections, SizeIs(1));
}

// Root may read everything: for the time being it is nobody, who owns the folder.
class AsNobody {
 public:
  explicit AsNobody(const fs::path& folder) {
    if (::geteuid() != 0) return;
    EXPECT_EQ(::chown(folder.c_str(), kNobody, kNobody), 0);
    ::setfsuid(kNobody);
  }

  ~AsNobody() { ::setfsuid(::geteuid()); }

  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  static constexpr uid_t kNobody = 65'534;
};

TEST_F(FolderWalkTest, ObjectsToWhatMayNotBeRead) {
  Write(folder_ / "file", "1");
  Write(folder_ / "fine", "1");
  Write(folder_ / "folder/file", "1");
  Write(folder_ / "rules/.gitignore", "*");
  for (const char* name : {"file", "folder", "rules/.gitignore"}) {
    fs::permissions(folder_ / name, fs::perms::none);
  }
  FolderListing listing;
  {
    const AsNobody nobody(folder_.path());
    listing = Walk();
  }
  fs::permissions(folder_ / "folder", fs::perms::owner_all);
  EXPECT_THAT(PathsOf(listing), ElementsAre("fine"));
  EXPECT_THAT(listing.objections,
              ElementsAre(Objects("file", "may not be read"), Objects("folder", "may not be read"),
                          Objects("rules/.gitignore", "cannot be read"),
                          Objects("rules/.gitignore", "may not be read")));
}

TEST_F(FolderWalkTest, MoreFilesThanAPushTakesAreAnObjection) {
  for (const char* name : {"a", "b/c", "d"}) Write(folder_ / name, "");
  ASSERT_OK_AND_ASSIGN(const auto opened, LocalFolder::Open(folder_.path()));
  EXPECT_THAT(opened->Walk(3)->objections, IsEmpty());
  EXPECT_THAT(opened->Walk(2)->objections, ElementsAre(Objects("", "more than 2 files")));
}

TEST_F(FolderWalkTest, OneFileIsAllThatThereIsWhateverIsIgnored) {
  Write(folder_ / ".gitignore", "*\n");
  Write(folder_ / "model.bin", "12");
  EXPECT_THAT(PathsOf(Walk(folder_ / "model.bin")), ElementsAre("model.bin"));
  EXPECT_FALSE(Walk().is_one_file);
  EXPECT_TRUE(Walk(folder_ / "model.bin").is_one_file);
  EXPECT_EQ(opened_->path(), folder_.path());
}

TEST_F(FolderWalkTest, OpensNothingButAFolderOrAFile) {
  EXPECT_THAT(LocalFolder::Open(folder_ / "gone"), HasReason("ENTRY_NOT_FOUND"));
  EXPECT_THAT(LocalFolder::Open("relative"), HasReason("INVALID_PATH"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(LocalFolder::Open(folder_ / "pipe"), HasReason("INVALID_PATH"));
}

TEST_F(FolderWalkTest, ReadsAFileAsItWasListed) {
  Write(folder_ / "a.txt", "0123456789");
  const FolderListing listing = Walk();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FileBytes> file, opened_->OpenFile(listing.files[0]));
  std::string text(4, ' ');
  EXPECT_THAT(file->Read(3, text), IsOk());
  EXPECT_EQ(text, "3456");
  EXPECT_THAT(file->ReadAtOnce(5, text), IsOkAndHolds(4));  // it was just written
  EXPECT_EQ(text, "5678");
  EXPECT_THAT(file->ReadAtOnce(8, text), IsOkAndHolds(2));
  EXPECT_THAT(file->CheckUnchanged(), IsOk());
  Rewrite(folder_ / "a.txt", "0123456780");
  EXPECT_THAT(file->CheckUnchanged(), HasReason("FILE_CHANGED"));
  EXPECT_THAT(file->Read(3, text), HasReason("FILE_CHANGED")) << "nobody has scanned what it holds now";
  EXPECT_THAT(file->ReadAtOnce(3, text), HasReason("FILE_CHANGED"));
  EXPECT_THAT(opened_->OpenFile(listing.files[0]), HasReason("FILE_CHANGED"));
  fs::resize_file(folder_ / "a.txt", 5);
  EXPECT_THAT(file->Read(3, text), HasReason("FILE_CHANGED"));
}

TEST_F(FolderWalkTest, WhatBecameAnotherFileSinceItWasListedIsNotOpened) {
  Write(outside_ / "passwd", "12345");
  for (const char* name : {"gone", "link", "pipe", "folder", "same", "sub/file"})
    Write(folder_ / name, "12345");
  const FolderListing listing = Walk();
  ASSERT_THAT(listing.files, SizeIs(6));
  for (const char* name : {"gone", "link", "pipe", "folder"}) fs::remove(folder_ / name);
  fs::create_symlink(outside_ / "passwd", folder_ / "link");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  fs::create_directory(folder_ / "folder");
  Write(folder_ / "new", "12345");
  fs::rename(folder_ / "new", folder_ / "same");
  fs::rename(folder_ / "sub", outside_ / "sub");
  fs::create_symlink(outside_ / "sub", folder_ / "sub");
  for (const LocalFile& file : listing.files) {
    EXPECT_THAT(opened_->OpenFile(file), HasReason("FILE_CHANGED")) << file.path.text();
  }
}

TEST_F(FolderWalkTest, HoldsOnToTheFolderWhereverItIsMoved) {
  Write(folder_ / "data/a", "1");
  const FolderListing listing = Walk(folder_ / "data");
  fs::rename(folder_ / "data", folder_ / "moved");
  Write(folder_ / "data/a", "2");
  EXPECT_THAT(opened_->OpenFile(listing.files[0]), IsOk());
}

TEST_F(FolderWalkTest, FindsAFileByItsPath) {
  Write(folder_ / "README.md", "# hi");
  Write(outside_ / "x", "");
  fs::create_symlink(outside_ / "x", folder_ / "link");
  Walk();
  ASSERT_OK_AND_ASSIGN(const auto found, opened_->FindFile(*RepoPath::Parse("README.md")));
  EXPECT_THAT(found, NotNull());
  for (const char* name : {"other", "link", "README.md/x"}) {
    ASSERT_OK_AND_ASSIGN(const auto missing, opened_->FindFile(*RepoPath::Parse(name)));
    EXPECT_THAT(missing, IsNull());
  }
}

TEST_F(FolderWalkTest, AKernelThatCannotFollowLinksSafelyFollowsNone) {
  Write(folder_ / "sub/real", "1");
  fs::create_symlink("real", folder_ / "sub/link");
  fs::create_symlink("sub", folder_ / "linked");
  const UniqueFd root(::open(folder_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_TRUE(OpenBeneathWithoutLinks(root.get(), "sub/real", O_RDONLY));
  for (const char* path : {"sub/link", "linked/real"}) {
    EXPECT_FALSE(OpenBeneathWithoutLinks(root.get(), path, O_RDONLY));
    EXPECT_FALSE(OpenBeneathWithoutLinks(root.get(), path, O_PATH));
  }
}

}  // namespace
}  // namespace batuta::push
