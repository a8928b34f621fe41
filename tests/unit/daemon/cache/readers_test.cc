#include "daemon/cache/readers.h"

#include <memory>
#include <type_traits>

#include <acl/libacl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/acl.h>
#include <sys/stat.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

class ReadersTest : public CacheTest {
 protected:
  // As getfacl(1) prints it, in one line.
  std::string AclOf(const std::filesystem::path& path) const {
    const acl_t acl = acl_get_file(path.c_str(), ACL_TYPE_ACCESS);
    char* const text = acl_to_any_text(acl, nullptr, ',', TEXT_NUMERIC_IDS | TEXT_ABBREVIATE);
    std::string copy(text == nullptr ? "none" : text);
    acl_free(text);
    acl_free(acl);
    return copy;
  }

  static mode_t ModeOf(const std::filesystem::path& path) {
    struct stat info {};

    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  void Share(Readers readers) {
    readers_ = std::move(readers);
    cache_.reset();
    CacheOptions options{.root = root(), .boot_id = "boot-1"};
    options.readers_of = [this](const RepoId&) { return readers_; };
    cache_ = Cache::Open(options, *files_, store_).value();
  }

  std::filesystem::path RepoFolder() const { return root() / repo_.folder(); }

  Readers readers_;
};

TEST_F(ReadersTest, AreTheOwnerAloneTheGroupOrNamedUsers) {
  const std::filesystem::path folder = root() / "folder";
  ASSERT_THAT(MakeClosedFolder(folder), IsOkAndHolds(true));
  EXPECT_EQ(ModeOf(folder), 0700U);
  ASSERT_THAT(SetReaders(folder, {.group = true}), IsOk());
  EXPECT_EQ(AclOf(folder), "u::rwx,g::r-x,o::---");
  ASSERT_THAT(SetReaders(folder, {.uids = {1001, 1002}}), IsOk());
  EXPECT_EQ(AclOf(folder), "u::rwx,u:1001:r-x,u:1002:r-x,g::---,m::r-x,o::---");
  ASSERT_THAT(SetReaders(folder, {.uids = {1002}}), IsOk());
  EXPECT_EQ(AclOf(folder), "u::rwx,u:1002:r-x,g::---,m::r-x,o::---");
  ASSERT_THAT(SetReaders(folder, {}), IsOk());
  EXPECT_EQ(AclOf(folder), "u::rwx,g::---,o::---");
  EXPECT_EQ(ModeOf(folder), 0700U);
}

TEST_F(ReadersTest, ASymlinkIsNotFollowed) {
  std::filesystem::create_directories(root() / "elsewhere");
  const mode_t before = ModeOf(root() / "elsewhere");
  std::filesystem::create_directory_symlink(root() / "elsewhere", root() / "link");
  EXPECT_FALSE(SetReaders(root() / "link", {.group = true}).ok());
  EXPECT_EQ(ModeOf(root() / "elsewhere"), before);
}

TEST_F(ReadersTest, AFolderOfARepoIsNewForThoseAlone) {
  Share({.uids = {1001}});
  ASSERT_THAT(PutBlob(*cache_, repo_, Sha256('a'), "content"), IsOk());
  EXPECT_EQ(AclOf(RepoFolder()), "u::rwx,u:1001:r-x,g::---,m::r-x,o::---");
}

TEST_F(ReadersTest, EveryFolderIsAsItShouldBeFromTheStart) {
  Share({.group = true});
  ASSERT_THAT(PutBlob(*cache_, repo_, Sha256('a'), "content"), IsOk());
  ASSERT_EQ(chmod(RepoFolder().c_str(), 0777), 0);
  Share({});
  EXPECT_EQ(ModeOf(RepoFolder()), 0700U);
  EXPECT_EQ(ModeOf(root()), 0710U);
  EXPECT_EQ(ModeOf(root() / ".locks"), 0700U);
}

TEST_F(ReadersTest, AreAppliedAnewOnRequest) {
  Share({});
  ASSERT_THAT(PutBlob(*cache_, repo_, Sha256('a'), "content"), IsOk());
  readers_ = {.group = true};
  EXPECT_EQ(ModeOf(RepoFolder()), 0700U);
  ASSERT_THAT(cache_->ApplyReaders(repo_), IsOk());
  EXPECT_EQ(ModeOf(RepoFolder()), 0750U);
  EXPECT_THAT(cache_->ApplyReaders(Model("acme/not-there")), IsOk());
  EXPECT_FALSE(std::filesystem::exists(root() / "models--acme--not-there"));
}

TEST_F(ReadersTest, ACacheOfOneUserIsLeftToTheUmask) {
  ASSERT_THAT(PutBlob(*cache_, repo_, Sha256('a'), "content"), IsOk());
  const mode_t usual = ModeOf(RepoFolder());
  ASSERT_THAT(cache_->ApplyReaders(repo_), IsOk());
  EXPECT_EQ(ModeOf(RepoFolder()), usual);
}

}  // namespace
}  // namespace batuta::cache
