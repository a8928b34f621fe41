#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <limits>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/io/file_system.h"
#include "common/io/unique_fd.h"
#include "common/status/status.h"

namespace batuta {
namespace {

using Path = std::filesystem::path;

// Repeats a call that a signal interrupted.
template <typename Call>
auto Retry(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

absl::Status LastError(std::string_view call, const Path& path) {
  const int error_number = errno;
  return ErrnoError(error_number, fmt::format("{} {}", call, path.native()));
}

WallTime ToWallTime(const timespec& time) {
  return WallTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

FileInfo ToFileInfo(const struct stat& stat) {
  FileInfo info;
  if (S_ISREG(stat.st_mode)) info.kind = FileInfo::Kind::kFile;
  if (S_ISDIR(stat.st_mode)) info.kind = FileInfo::Kind::kFolder;
  if (S_ISLNK(stat.st_mode)) info.kind = FileInfo::Kind::kSymlink;
  info.size_bytes = static_cast<uint64_t>(stat.st_size);
  info.allocated_bytes = static_cast<uint64_t>(stat.st_blocks) * 512;
  info.device = stat.st_dev;
  info.inode = stat.st_ino;
  info.links = stat.st_nlink;
  info.modified = ToWallTime(stat.st_mtim);
  info.accessed = ToWallTime(stat.st_atim);
  return info;
}

bool FitsOffset(uint64_t offset, size_t length) {
  constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<off_t>::max());
  return offset <= kLargest && length <= kLargest - offset;
}

// What reading leaves in the page cache.
enum class Caching { kUsual, kDirect, kDropped };

class PosixFile final : public File {
 public:
  PosixFile(UniqueFd fd, Path path, Caching caching)
      : fd_(std::move(fd)), path_(std::move(path)), caching_(caching) {}

  absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
    if (!FitsOffset(offset, bytes.size())) return ErrnoError(EFBIG, "write " + path_.native());
    while (!bytes.empty()) {
      const ssize_t count =
          Retry([&] { return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (count < 0) return LastError("write", path_);
      if (count == 0) return ErrnoError(EIO, "write " + path_.native());
      bytes = bytes.subspan(static_cast<size_t>(count));
      offset += static_cast<uint64_t>(count);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> bytes) override {
    if (!FitsOffset(offset, bytes.size())) return ErrnoError(EINVAL, "read " + path_.native());
    size_t total = 0;
    while (total < bytes.size()) {
      const ssize_t count = Retry([&] {
        return ::pread(fd_.get(), bytes.data() + total, bytes.size() - total,
                       static_cast<off_t>(offset + total));
      });
      if (count < 0) return LastError("read", path_);
      if (count == 0) break;
      total += static_cast<size_t>(count);
      // The end of the file; to ask again there would not be aligned.
      if (caching_ == Caching::kDirect && total % kDirectAlignment != 0) break;
    }
    if (caching_ == Caching::kDropped) {
      ::posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(total), POSIX_FADV_DONTNEED);
    }
    return total;
  }

  absl::Status Sync() override {
    if (Retry([&] { return ::fdatasync(fd_.get()); }) < 0) return LastError("sync", path_);
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size_bytes) override {
    if (!FitsOffset(size_bytes, 0)) return ErrnoError(EFBIG, "truncate " + path_.native());
    if (Retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)); }) < 0) {
      return LastError("truncate", path_);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> TryLock() override {
    if (Retry([&] { return ::flock(fd_.get(), LOCK_EX | LOCK_NB); }) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return LastError("lock", path_);
  }

  bool IsOpenElsewhere() override {
    // Whoever opens the file while the lease is held would send SIGIO, which ends a process; SIGURG does not.
    if (::fcntl(fd_.get(), F_SETSIG, SIGURG) < 0) return false;
    // The kernel grants it only when no other open file, and so no mapping, refers to the inode.
    if (::fcntl(fd_.get(), F_SETLEASE, F_WRLCK) < 0) return errno == EAGAIN;
    [[maybe_unused]] const int given_back = ::fcntl(fd_.get(), F_SETLEASE, F_UNLCK);
    return false;
  }

  absl::StatusOr<FileInfo> Info() const override {
    struct stat stat {};

    if (::fstat(fd_.get(), &stat) < 0) return LastError("stat", path_);
    return ToFileInfo(stat);
  }

 private:
  const UniqueFd fd_;
  const Path path_;  // for messages
  const Caching caching_;
};

int OpenFlags(OpenMode mode) {
  // Not blocking, so that a FIFO in the way is an error and not a hang; regular files do not care.
  constexpr int kAlways = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  switch (mode) {
    case OpenMode::kRead:
    case OpenMode::kReadDirect:
      return kAlways | O_RDONLY;
    case OpenMode::kReadWrite:
      return kAlways | O_RDWR | O_NOFOLLOW;
    case OpenMode::kCreate:
    case OpenMode::kCreateShared:
      return kAlways | O_RDWR | O_NOFOLLOW | O_CREAT;
    case OpenMode::kCreateNew:
      return kAlways | O_RDWR | O_NOFOLLOW | O_CREAT | O_EXCL;
  }
  return kAlways | O_RDONLY;
}

// Where that is refused the file still serves its owner.
void ShareWithGroup(int fd, const struct stat& stat) {
  constexpr mode_t kShared = 0664;
  if (stat.st_uid == ::geteuid() && (stat.st_mode & kShared) != kShared) {
    [[maybe_unused]] const int refused = ::fchmod(fd, (stat.st_mode & 07777) | kShared);
  }
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// Since Linux 5.8 it tells when one of the files could not be written.
absl::Status SyncFileSystemOf(const Path& path) {
  const UniqueFd fd(Retry([&] { return ::open(path.c_str(), OpenFlags(OpenMode::kRead)); }));
  if (!fd) return LastError("open", path);
  if (Retry([&] { return ::syncfs(fd.get()); }) < 0) return LastError("sync the file system of", path);
  return absl::OkStatus();
}

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const Path& path, OpenMode mode) override {
    constexpr mode_t kByUmask = 0666;
    Caching caching = mode == OpenMode::kReadDirect ? Caching::kDirect : Caching::kUsual;
    int direct = caching == Caching::kDirect ? O_DIRECT : 0;
    // What we read is not used by anybody. Only the owner of a file may ask for that.
    int quietly = mode == OpenMode::kRead || direct != 0 ? O_NOATIME : 0;
    const auto open = [&] {
      return UniqueFd(
          Retry([&] { return ::open(path.c_str(), OpenFlags(mode) | quietly | direct, kByUmask); }));
    };
    UniqueFd fd = open();
    if (!fd && errno == EPERM && quietly != 0) {
      quietly = 0;
      fd = open();
    }
    if (!fd && errno == EINVAL && direct != 0) {  // a file system that is all cache, or knows no better
      direct = 0;
      caching = Caching::kDropped;
      fd = open();
    }
    if (!fd) return LastError("open", path);

    struct stat stat {};

    if (::fstat(fd.get(), &stat) < 0) return LastError("stat", path);
    if (S_ISDIR(stat.st_mode)) return ErrnoError(EISDIR, "open " + path.native());
    if (!S_ISREG(stat.st_mode)) return ErrnoError(EINVAL, "open " + path.native() + ": not a regular file");
    if (mode == OpenMode::kCreateShared) ShareWithGroup(fd.get(), stat);
    return std::make_unique<PosixFile>(std::move(fd), path, caching);
  }

  absl::Status Rename(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) {
      const int error_number = errno;
      return ErrnoError(error_number, fmt::format("rename {} to {}", from.native(), to.native()));
    }
    return absl::OkStatus();
  }

  absl::Status Symlink(const std::string& target, const Path& path) override {
    if (::symlink(target.c_str(), path.c_str()) < 0) return LastError("symlink", path);
    return absl::OkStatus();
  }

  absl::Status Link(const Path& existing, const Path& path) override {
    if (::linkat(AT_FDCWD, existing.c_str(), AT_FDCWD, path.c_str(), 0) < 0) {
      const int error_number = errno;
      return ErrnoError(error_number, fmt::format("link {} to {}", existing.native(), path.native()));
    }
    return absl::OkStatus();
  }

  absl::Status Clone(const Path& existing, const Path& path) override {
    constexpr mode_t kByUmask = 0666;
    const UniqueFd from(
        Retry([&] { return ::open(existing.c_str(), OpenFlags(OpenMode::kRead) | O_NOFOLLOW); }));
    if (!from) return LastError("open", existing);
    const UniqueFd to(Retry([&] { return ::open(path.c_str(), OpenFlags(OpenMode::kCreateNew), kByUmask); }));
    if (!to) return LastError("open", path);
    if (Retry([&] { return ::ioctl(to.get(), FICLONE, from.get()); }) == 0) return absl::OkStatus();
    absl::Status status = LastError("clone", existing);
    ::unlink(path.c_str());
    return status;
  }

  absl::Status Remove(const Path& path) override {
    if (::unlink(path.c_str()) == 0) return absl::OkStatus();
    if (errno != EISDIR) return LastError("remove", path);
    if (::rmdir(path.c_str()) < 0) return LastError("remove", path);
    return absl::OkStatus();
  }

  absl::Status MakeFolders(const Path& path) override {
    Path prefix;
    for (const Path& component : path) {
      prefix /= component;
      if (::mkdir(prefix.c_str(), 0777) == 0) continue;
      const int error_number = errno;

      // Besides EEXIST, a read-only or foreign parent answers EROFS or EACCES for a folder that is there
      // already.
      struct stat stat {};

      const bool is_there = ::stat(prefix.c_str(), &stat) == 0;
      if (is_there && S_ISDIR(stat.st_mode)) continue;
      return ErrnoError(is_there ? ENOTDIR : error_number, "make folder " + prefix.native());
    }
    return absl::OkStatus();
  }

  absl::Status SyncFolder(const Path& path) override {
    const UniqueFd fd(Retry([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!fd) return LastError("open folder", path);
    if (Retry([&] { return ::fsync(fd.get()); }) < 0) return LastError("sync folder", path);
    return absl::OkStatus();
  }

  absl::Status SyncFiles(const std::vector<Path>& paths) override {
    // One sync of a file waits for the disk about once; syncfs() does so, too, and for what others have
    // written.
    constexpr size_t kFew = 8;
    if (paths.size() > kFew) return SyncFileSystemOf(paths.front());
    for (const Path& path : paths) {
      // Reading is enough, and is allowed for files that others own.
      const UniqueFd fd(Retry([&] { return ::open(path.c_str(), OpenFlags(OpenMode::kRead) | O_NOFOLLOW); }));
      if (!fd) return LastError("open", path);
      if (Retry([&] { return ::fdatasync(fd.get()); }) < 0) return LastError("sync", path);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadSymlink(const Path& path) override {
    constexpr size_t kLongestTarget = 4096;  // PATH_MAX of the kernel
    std::string target(kLongestTarget, '\0');
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    if (length < 0) return LastError("read link", path);
    target.resize(static_cast<size_t>(length));
    return target;
  }

  absl::StatusOr<FileInfo> Info(const Path& path) override {
    struct stat stat {};

    if (::lstat(path.c_str(), &stat) < 0) return LastError("stat", path);
    return ToFileInfo(stat);
  }

  absl::StatusOr<std::vector<std::string>> List(const Path& folder) override {
    UniqueFd fd(Retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!fd) return LastError("open folder", folder);
    const std::unique_ptr<DIR, CloseFolder> stream(::fdopendir(fd.get()));
    if (stream == nullptr) return LastError("open folder", folder);
    [[maybe_unused]] const int owned_by_stream = fd.Release();
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry =
          ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): this stream is ours alone
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return LastError("list", folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::StatusOr<SpaceInfo> Space(const Path& path) override {
    struct statvfs space {};

    if (Retry([&] { return ::statvfs(path.c_str(), &space); }) < 0) return LastError("statvfs", path);
    return SpaceInfo{space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize};
  }
};

}  // namespace

std::unique_ptr<FileSystem> MakePosixFileSystem() {
  return std::make_unique<PosixFileSystem>();
}

}  // namespace batuta
