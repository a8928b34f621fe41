#include "client/inspection/file_walk.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/files/temp_folder.h"

namespace batuta::client {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class FileWalkTest : public ::testing::Test {
 protected:
  void Write(const std::string& path) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << "x";
  }

  std::vector<std::string> Paths(const fs::path& root, size_t most = 100) {
    std::vector<std::string> paths;
    status_ = WalkFiles(root, [&](const WalkedFile& file) {
      EXPECT_TRUE(fs::is_symlink(file.location) || fs::exists(file.location)) << file.location;
      paths.push_back(file.path);
      return paths.size() < most;
    });
    return paths;
  }

  TempFolder folder_;
  fs::path root_ = folder_.path();
  absl::Status status_;
};

TEST_F(FileWalkTest, GivesFilesBeforeFoldersInTheOrderOfNames) {
  for (const char* path :
       {"b/z", "b/a", "a/c/d", "y", "x", ".git/config", "a/.git/hooks/run", "a/.gitignore"})
    Write(path);
  EXPECT_THAT(Paths(root_), ElementsAre("x", "y", "a/.gitignore", "a/c/d", "b/a", "b/z"));
  EXPECT_TRUE(status_.ok());
  EXPECT_THAT(Paths(root_ / "a/c/d"), ElementsAre("d"));
  EXPECT_THAT(Paths(root_, 2), ElementsAre("x", "y"));
}

TEST_F(FileWalkTest, FollowsLinksAndEntersAFolderOnce) {
  Write("real/file");
  fs::create_symlink("real/file", root_ / "link");
  fs::create_symlink("nowhere", root_ / "dangling");
  fs::create_directory_symlink("..", root_ / "real/up");
  fs::create_directory_symlink("real", root_ / "again");
  EXPECT_THAT(Paths(root_), ElementsAre("dangling", "link", "again/file"));
}

TEST_F(FileWalkTest, EscapesOfNamesWhatIsNoUtf8) {
  Write("a\xFF/b.bin");
  Write("\xC3\xA9\xE9.bin");
  EXPECT_THAT(Paths(root_), ElementsAre("\xC3\xA9\\xe9.bin", "a\\xff/b.bin"));
  EXPECT_TRUE(status_.ok());
}

TEST_F(FileWalkTest, SaysThatThereIsNothing) {
  Paths(root_ / "nothing");
  EXPECT_TRUE(absl::IsNotFound(status_));
  EXPECT_EQ(ReasonOf(status_), reason::kEntryNotFound);
}

}  // namespace
}  // namespace batuta::client
