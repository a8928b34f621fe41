#include "client/commands/materialise.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

namespace fs = std::filesystem;

class MaterialiseTest : public ::testing::Test {
 protected:
  MaterialiseTest() {
    Cache("config.json", "{}");
    Cache("sub/dir/weights.bin", std::string(3'000'000, 'w'));
  }

  // A file of the snapshot: a relative symlink to a blob, as in the cache.
  void Cache(const std::string& path, std::string_view content) {
    const fs::path blob = folder_ / ("blobs/" + std::to_string(++blobs_));
    fs::create_directories(blob.parent_path());
    std::ofstream(blob) << content;
    const fs::path link = snapshot() / path;
    fs::create_directories(link.parent_path());
    fs::create_symlink(fs::relative(blob, link.parent_path()), link);
    files_.push_back({path, content.size()});
  }

  fs::path snapshot() const { return folder_ / "snapshot"; }

  fs::path out() const { return folder_ / "out"; }

  static std::string Read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  absl::StatusOr<Materialised> Run(LinkPolicy policy = LinkPolicy::kCopy) {
    return Materialise(snapshot(), files_, out(), policy);
  }

  // No temporary file was left anywhere below the folder.
  void ExpectNoLeftovers() {
    for (const auto& entry : fs::recursive_directory_iterator(out())) {
      EXPECT_FALSE(entry.path().filename().native().ends_with(".batuta")) << entry.path();
    }
  }

  TempFolder folder_;
  std::vector<MaterialiseFile> files_;
  int blobs_ = 0;
};

TEST_F(MaterialiseTest, KeepsTheFoldersAndWritesRealFiles) {
  ASSERT_OK_AND_ASSIGN(const Materialised result, Run());

  EXPECT_EQ(result.files_written, 2u);
  EXPECT_EQ(Read(out() / "config.json"), "{}");
  EXPECT_EQ(Read(out() / "sub/dir/weights.bin"), std::string(3'000'000, 'w'));
  EXPECT_FALSE(fs::is_symlink(out() / "config.json"));
  EXPECT_EQ(fs::hard_link_count(out() / "config.json"), 1u);
  ExpectNoLeftovers();
}

TEST_F(MaterialiseTest, LeavesWhatIsTheSameAndReplacesWhatIsNot) {
  ASSERT_THAT(Run(), IsOk());
  std::ofstream(out() / "config.json") << "[]";  // as long, but different

  struct stat before {};

  ASSERT_EQ(::stat((out() / "sub/dir/weights.bin").c_str(), &before), 0);

  ASSERT_OK_AND_ASSIGN(const Materialised again, Run());

  EXPECT_EQ(again.files_written, 1u);
  EXPECT_EQ(again.files_unchanged, 1u);
  EXPECT_EQ(Read(out() / "config.json"), "{}");

  struct stat after {};

  ASSERT_EQ(::stat((out() / "sub/dir/weights.bin").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(MaterialiseTest, LinksWhenAskedTo) {
  ASSERT_THAT(Run(LinkPolicy::kHardLink), IsOk());

  EXPECT_EQ(fs::hard_link_count(out() / "config.json"), 2u);
  EXPECT_FALSE(fs::is_symlink(out() / "config.json"));
  ASSERT_OK_AND_ASSIGN(const Materialised again, Run(LinkPolicy::kHardLink));
  EXPECT_EQ(again.files_unchanged, 2u);
  ASSERT_THAT(Run(LinkPolicy::kCopy), IsOk());
  EXPECT_EQ(fs::hard_link_count(out() / "config.json"), 1u) << "a copy is no longer the cache's own file";
}

TEST_F(MaterialiseTest, FollowsNoSymlinkOutOfTheFolder) {
  fs::create_directories(folder_ / "elsewhere");
  fs::create_directories(out());
  fs::create_directory_symlink(folder_ / "elsewhere", out() / "sub");

  EXPECT_THAT(Run(), HasReason(reason::kInvalidPath));

  EXPECT_TRUE(fs::is_empty(folder_ / "elsewhere"));
}

TEST_F(MaterialiseTest, ReplacesASymlinkInThePlaceOfAFileAndNotWhatItPointsTo) {
  std::ofstream(folder_ / "precious") << "mine";
  fs::create_directories(out());
  fs::create_symlink(folder_ / "precious", out() / "config.json");

  ASSERT_THAT(Run(), IsOk());

  EXPECT_EQ(Read(folder_ / "precious"), "mine");
  EXPECT_FALSE(fs::is_symlink(out() / "config.json"));
}

TEST_F(MaterialiseTest, TheFolderItselfMayBeASymlink) {
  fs::create_directories(folder_ / "real");
  fs::create_directory_symlink(folder_ / "real", out());

  ASSERT_THAT(Run(), IsOk());

  EXPECT_TRUE(fs::exists(folder_ / "real/config.json"));
}

TEST_F(MaterialiseTest, RefusesPathsThatWouldLeaveTheFolder) {
  for (const char* path : {"../escape", "/etc/escape", "a/../../escape", "a//b", "./x", ".git/config"}) {
    files_ = {{path, 2}};
    EXPECT_THAT(Run(), HasReason(reason::kInvalidPath)) << path;
  }
  EXPECT_FALSE(fs::exists(folder_ / "escape"));
}

TEST_F(MaterialiseTest, SaysWhenSomethingElseStandsThere) {
  fs::create_directories(out() / "config.json");
  EXPECT_THAT(Run(), HasReason(reason::kInvalidArgument));
  fs::remove_all(out());
  fs::create_directories(out());
  std::ofstream(out() / "sub") << "a file where a folder belongs";
  EXPECT_THAT(Run(), HasReason(reason::kInvalidPath));
  ExpectNoLeftovers();
}

TEST_F(MaterialiseTest, NoticesACachedFileOfTheWrongSize) {
  files_[0].size_bytes = 3;

  EXPECT_THAT(Run(), HasReason(reason::kDigestMismatch));
  EXPECT_FALSE(fs::exists(out() / "config.json"));
}

TEST_F(MaterialiseTest, SaysWhichFileIsMissingFromTheCache) {
  files_ = {{"gone.bin", 1}};

  EXPECT_THAT(Run(), HasMessage(::testing::HasSubstr("gone.bin")));
}

TEST_F(MaterialiseTest, NamesAsLongAsTheyMayBeWork) {
  Cache(std::string(255, 'n'), "long");

  ASSERT_THAT(Run(), IsOk());

  EXPECT_EQ(Read(out() / std::string(255, 'n')), "long");
}

}  // namespace
}  // namespace batuta::client
