#include "daemon/cache/blob_lock.h"

#include <filesystem>
#include <functional>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/io/unique_fd.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"
#include "tests/unit/daemon/cache/forwarding_file_system.h"

namespace batuta::cache {
namespace {

namespace fs = std::filesystem;

class BlobLockTest : public CacheTest {
 protected:
  // As the Python library holds it.
  UniqueFd LockAsAnotherTool() {
    fs::create_directories(lock_path().parent_path());
    UniqueFd fd(::open(lock_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664));
    EXPECT_EQ(::flock(fd.get(), LOCK_EX | LOCK_NB), 0);
    return fd;
  }

  bool AnotherToolCanLock() {
    const UniqueFd fd(::open(lock_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664));
    return ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
  }

  fs::path lock_path() const { return root() / ".locks/models--acme--otter" / (Sha256('a').hex() + ".lock"); }
};

TEST_F(BlobLockTest, ExcludesOtherToolsWhileItIsHeld) {
  auto lock = BlobLock::TryTake(*files_, lock_path());
  ASSERT_TRUE(lock.has_value());
  EXPECT_FALSE(AnotherToolCanLock());
  lock.reset();
  EXPECT_TRUE(AnotherToolCanLock());
}

TEST_F(BlobLockTest, GivesUpAtOnceWhenAnotherHoldsIt) {
  const UniqueFd other = LockAsAnotherTool();
  EXPECT_FALSE(BlobLock::TryTake(*files_, lock_path()).has_value());
}

TEST_F(BlobLockTest, PublishingGoesOnWithoutIt) {
  const UniqueFd other = LockAsAnotherTool();
  ASSERT_THAT(PutBlob(*cache_, repo_, Sha256('a'), "0123456789"), IsOk());
  EXPECT_EQ(Read("models--acme--otter/blobs/" + Sha256('a').hex()), "0123456789");
}

TEST_F(BlobLockTest, IsNotHeldDuringATransfer) {
  const auto partial = cache_->OpenPartial(repo_, Sha256('a'), 10);
  ASSERT_THAT(partial, IsOk());
  EXPECT_FALSE(fs::exists(lock_path()));
}

TEST_F(BlobLockTest, OtherUsersOfTheGroupMayTakeItToo) {
  const mode_t old_mask = ::umask(077);
  const auto lock = BlobLock::TryTake(*files_, lock_path());
  ::umask(old_mask);
  ASSERT_TRUE(lock.has_value());

  struct stat info {};

  ASSERT_EQ(::stat(lock_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0664U);
}

TEST_F(BlobLockTest, LeavesTheLockFileForThoseWhoMayWaitOnIt) {
  ASSERT_THAT(PutBlob(*cache_, repo_, Sha256('a'), "0123456789"), IsOk());
  EXPECT_TRUE(fs::exists(lock_path()));
  EXPECT_EQ(fs::file_size(lock_path()), 0U);
}

// Calls `act` just after a file was opened: what other tools do before it is locked.
class OpenHookFileSystem final : public ForwardingFileSystem {
 public:
  OpenHookFileSystem(FileSystem& files, std::function<void()> act)
      : ForwardingFileSystem(files), act_(std::move(act)) {}

  absl::StatusOr<std::unique_ptr<File>> Open(const Path& path, OpenMode mode) override {
    auto file = files_.Open(path, mode);
    act_();
    return file;
  }

 private:
  const std::function<void()> act_;
};

// Some versions of the Python lock library remove the file when they let go.
TEST_F(BlobLockTest, LocksTheFileThatHasTheNameNow) {
  fs::create_directories(lock_path().parent_path());
  bool was_removed = false;
  OpenHookFileSystem files(*files_, [&] {
    if (!std::exchange(was_removed, true)) fs::remove(lock_path());
  });
  const auto lock = BlobLock::TryTake(files, lock_path());
  ASSERT_TRUE(lock.has_value());
  EXPECT_FALSE(AnotherToolCanLock());
}

TEST_F(BlobLockTest, ALockOnAFileThatLostItsNameToAnotherIsNone) {
  fs::create_directories(lock_path().parent_path());
  UniqueFd other;
  OpenHookFileSystem files(*files_, [&] {
    if (other) return;
    fs::remove(lock_path());
    other = LockAsAnotherTool();
  });
  EXPECT_FALSE(BlobLock::TryTake(files, lock_path()).has_value());
}

TEST_F(BlobLockTest, GivesUpOnAFileThatLosesItsNameAgainAndAgain) {
  fs::create_directories(lock_path().parent_path());
  OpenHookFileSystem files(*files_, [&] { fs::remove(lock_path()); });
  EXPECT_FALSE(BlobLock::TryTake(files, lock_path()).has_value());
}

// An empty lock file would be taken for a lock that is held, where flock is missing.
TEST(BlobLockFreeTest, NoLockFileIsMadeWhereThereIsNoFlock) {
  FakeFileSystem files;
  metadata::FakeMetadataStore store;
  files.Inject({ENOLCK, FakeFileSystem::Call::kLock, "", 0, FakeFileSystem::kForEver});
  const auto cache = Cache::Open({"/hub", "boot-1"}, files, store);
  ASSERT_THAT(cache, IsOk());
  EXPECT_FALSE((*cache)->abilities().locks);
  ASSERT_THAT(PutBlob(**cache, Model("acme/otter"), Sha256('a'), "0123456789"), IsOk());
  EXPECT_EQ(files.Get("/hub/.locks/models--acme--otter/" + Sha256('a').hex() + ".lock"), std::nullopt);
  EXPECT_EQ(files.Get("/hub/models--acme--otter/blobs/" + Sha256('a').hex()), "0123456789");
}

}  // namespace
}  // namespace batuta::cache
