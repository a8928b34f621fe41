#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/push/local_folder.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

// Somebody changes the folder while it is read: whatever comes of it, nothing outside is seen or sent.
namespace batuta::push {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSecret = "outside!";
constexpr std::string_view kOurs = "inside..";

void Write(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

// Puts one in the place of the other, as one step.
void Swap(const fs::path& one, const fs::path& other) {
  ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
}

// Does `act` again and again beside what the test does.
class Meanwhile {
 public:
  explicit Meanwhile(std::function<void()> act)
      : thread_([this, act = std::move(act)] {
          while (!is_over_) {
            act();
            ++times_;
          }
        }) {
    while (times_ == 0) std::this_thread::yield();
  }

  ~Meanwhile() {
    is_over_ = true;
    thread_.join();
  }

  Meanwhile(const Meanwhile&) = delete;
  Meanwhile& operator=(const Meanwhile&) = delete;

  int times() const { return times_; }

 private:
  std::atomic<bool> is_over_ = false;
  std::atomic<int> times_ = 0;
  std::thread thread_;
};

class FolderRaceTest : public ::testing::Test {
 protected:
  FolderRaceTest() {
    Write(folder_ / "sub/file", kOurs);
    Write(outside_ / "file", kSecret);
    Write(outside_ / "sub/file", kSecret);
    for (const auto& entry : fs::recursive_directory_iterator(outside_.path())) {
      struct stat stat = {};
      EXPECT_EQ(::stat(entry.path().c_str(), &stat), 0);
      theirs_.insert(stat.st_ino);
    }
    opened_ = *LocalFolder::Open(folder_.path());
    stamp_ = opened_->Walk()->files.at(0).stamp;
  }

  // Walks and opens what was found, so often and until the other side had its turns too.
  void PushWhile(std::function<void()> act) {
    const Meanwhile meanwhile(std::move(act));
    for (int i = 0; i < 200 || meanwhile.times() < 200; ++i) {
      const auto listing = opened_->Walk();
      ASSERT_THAT(listing, IsOk());
      for (const LocalFile& file : listing->files) {
        ASSERT_FALSE(theirs_.contains(file.stamp.inode)) << file.path.text();
        Read(file);
      }
      Read({.path = *RepoPath::Parse("sub/file"), .stamp = stamp_});
    }
  }

  void Read(const LocalFile& file) {
    const auto bytes = opened_->OpenFile(file);
    if (!bytes.ok()) {
      ASSERT_THAT(bytes, HasReason("FILE_CHANGED"));
      return;
    }
    std::string text(static_cast<size_t>((*bytes)->size_bytes()), ' ');
    if ((*bytes)->Read(0, text).ok()) {
      ASSERT_NE(text, kSecret);
    }
    ++opened_files_;
  }

  TempFolder folder_;
  TempFolder outside_;
  std::set<uint64_t> theirs_;
  std::shared_ptr<const Folder> opened_;
  FileStamp stamp_;  // of sub/file as it was
  int opened_files_ = 0;
};

TEST_F(FolderRaceTest, AFileIsSwappedForALinkToTheOutside) {
  fs::create_symlink(outside_ / "file", folder_ / "link");
  PushWhile([this] { Swap(folder_ / "link", folder_ / "sub/file"); });
}

TEST_F(FolderRaceTest, AFolderIsSwappedForALinkToTheOutside) {
  fs::create_symlink(outside_ / "sub", folder_ / "link");
  PushWhile([this] { Swap(folder_ / "link", folder_ / "sub"); });
}

TEST_F(FolderRaceTest, AFolderIsSwappedForOneOfTheOutside) {
  // What was brought in is inside, and may be seen; what was listed before is not mistaken for it.
  theirs_.clear();
  const FileStamp ours = stamp_;
  const Meanwhile meanwhile([this] { Swap(folder_ / "sub", outside_ / "sub"); });
  for (int i = 0; i < 500 || meanwhile.times() < 500; ++i) {
    Read({.path = *RepoPath::Parse("sub/file"), .stamp = ours});
  }
}

TEST_F(FolderRaceTest, ALinkInsideIsTurnedToTheOutsideAndBack) {
  fs::create_symlink("file", folder_ / "sub/link");
  fs::create_symlink(outside_ / "file", folder_ / "sub/evil");
  PushWhile([this] { Swap(folder_ / "sub/link", folder_ / "sub/evil"); });
  EXPECT_GT(opened_files_, 0);
}

TEST_F(FolderRaceTest, AFileIsSwappedForAPipeThatNobodyWritesTo) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  PushWhile([this] { Swap(folder_ / "pipe", folder_ / "sub/file"); });
}

TEST_F(FolderRaceTest, FoldersAndFilesComeAndGo) {
  PushWhile([this] {
    Write(folder_ / "coming/and/going", kOurs);
    fs::remove_all(folder_ / "coming");
  });
  EXPECT_GT(opened_files_, 0);
}

TEST_F(FolderRaceTest, TheFolderItselfGoesAway) {
  const FileStamp ours = stamp_;
  fs::remove_all(folder_.path());
  const auto listing = opened_->Walk();
  ASSERT_THAT(listing, IsOk());
  EXPECT_THAT(listing->files, ::testing::IsEmpty());
  EXPECT_THAT(opened_->OpenFile({.path = *RepoPath::Parse("sub/file"), .stamp = ours}),
              HasReason("FILE_CHANGED"));
}

TEST_F(FolderRaceTest, AFileThatIsPutBackAsItWasIsAnotherOne) {
  const fs::path file = folder_ / "sub/file";
  const fs::file_time_type time = fs::last_write_time(file);
  Write(folder_ / "new", kOurs);
  fs::rename(folder_ / "new", file);
  fs::last_write_time(file, time);
  EXPECT_THAT(opened_->OpenFile({.path = *RepoPath::Parse("sub/file"), .stamp = stamp_}),
              HasReason("FILE_CHANGED"));
}

}  // namespace
}  // namespace batuta::push
