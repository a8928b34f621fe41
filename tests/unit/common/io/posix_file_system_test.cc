#include <array>
#include <limits>
#include <memory>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/file_system.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

// What only the real disk can show; the rest of its behaviour is in tests/contract/file_system.
namespace batuta {
namespace {

class PosixFileSystemTest : public ::testing::Test {
 protected:
  const TempFolder folder_;
  const std::unique_ptr<FileSystem> files_ = MakePosixFileSystem();
};

TEST_F(PosixFileSystemTest, AFifoInTheWayIsAnErrorAndNotAHang) {
  const auto path = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite, OpenMode::kCreate}) {
    EXPECT_THAT(files_->Open(path, mode), HasReason("STORAGE_FAILED"));
  }
  ASSERT_OK_AND_ASSIGN(const FileInfo info, files_->Info(path));
  EXPECT_EQ(info.kind, FileInfo::Kind::kOther);
}

TEST_F(PosixFileSystemTest, DescriptorsAreNotInherited) {
  const int probe = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // the next descriptor will have this number
  ASSERT_EQ(::close(probe), 0);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<File> file, files_->Open(folder_ / "f", OpenMode::kCreate));
  EXPECT_EQ(::fcntl(probe, F_GETFD), FD_CLOEXEC);
}

TEST_F(PosixFileSystemTest, AMappingCountsAsOpenWithoutADescriptor) {
  {
    ASSERT_OK_AND_ASSIGN(const auto made, files_->Open(folder_ / "f", OpenMode::kCreate));
    ASSERT_THAT(made->Truncate(1), IsOk());
  }
  const int fd = ::open((folder_ / "f").c_str(), O_RDONLY | O_CLOEXEC);
  void* const mapping = ::mmap(nullptr, 1, PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(mapping, MAP_FAILED);
  ASSERT_EQ(::close(fd), 0);

  ASSERT_OK_AND_ASSIGN(const auto ours, files_->Open(folder_ / "f", OpenMode::kRead));
  EXPECT_TRUE(ours->IsOpenElsewhere());
  ASSERT_EQ(::munmap(mapping, 1), 0);
  EXPECT_FALSE(ours->IsOpenElsewhere());
}

TEST_F(PosixFileSystemTest, NewFilesFollowTheUmask) {
  const mode_t before = ::umask(027);
  const absl::StatusOr<std::unique_ptr<File>> file = files_->Open(folder_ / "f", OpenMode::kCreateNew);
  const absl::Status made = files_->MakeFolders(folder_ / "d/e");
  ::umask(before);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(made, IsOk());

  struct stat stat {};

  ASSERT_EQ(::stat((folder_ / "f").c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 0777u, 0640u);
  ASSERT_EQ(::stat((folder_ / "d/e").c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 0777u, 0750u);
}

TEST_F(PosixFileSystemTest, ASharedFileLetsItsGroupWriteWhateverTheUmask) {
  const mode_t before = ::umask(077);
  const absl::StatusOr<std::unique_ptr<File>> file = files_->Open(folder_ / "f", OpenMode::kCreateShared);
  ::umask(before);
  ASSERT_THAT(file, IsOk());

  struct stat stat {};

  ASSERT_EQ(::stat((folder_ / "f").c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 0777u, 0664u);
  EXPECT_THAT(files_->Open(folder_ / "f", OpenMode::kCreateShared), IsOk());
}

TEST_F(PosixFileSystemTest, RefusesOffsetsThatTheKernelCannotHold) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<File> file, files_->Open(folder_ / "f", OpenMode::kCreate));
  std::array<std::byte, 1> byte{};
  constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
  EXPECT_THAT(file->WriteAt(kHuge, byte), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(file->ReadAt(kHuge, byte), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(file->Truncate(kHuge), HasReason("STORAGE_FAILED"));
}

TEST_F(PosixFileSystemTest, AHoleTakesNoSpace) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<File> file, files_->Open(folder_ / "f", OpenMode::kCreate));
  ASSERT_THAT(file->Truncate(100'000'000), IsOk());
  ASSERT_OK_AND_ASSIGN(const FileInfo info, file->Info());
  EXPECT_EQ(info.size_bytes, 100'000'000u);
  EXPECT_LT(info.allocated_bytes, 1'000'000u);
}

TEST_F(PosixFileSystemTest, ErrorsNameTheCallAndThePath) {
  const auto path = folder_ / "missing";
  const auto file = files_->Open(path, OpenMode::kRead);
  EXPECT_THAT(file, HasMessage(::testing::StartsWith("open " + path.native() + ": ")));
}

}  // namespace
}  // namespace batuta
