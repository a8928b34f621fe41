#include "daemon/doctor/folder_probe.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/unique_fd.h"

namespace batuta::doctor {
namespace {

using Path = std::filesystem::path;

struct FileSystemName {
  uint64_t magic;
  std::string_view name;
};

// Those that <linux/magic.h> does not have stand here by number, from their sources.
constexpr std::array kNames = {
    FileSystemName{EXT4_SUPER_MAGIC, "ext4"},
    FileSystemName{XFS_SUPER_MAGIC, "xfs"},
    FileSystemName{BTRFS_SUPER_MAGIC, "btrfs"},
    FileSystemName{F2FS_SUPER_MAGIC, "f2fs"},
    FileSystemName{TMPFS_MAGIC, "tmpfs"},
    FileSystemName{RAMFS_MAGIC, "ramfs"},
    FileSystemName{OVERLAYFS_SUPER_MAGIC, "overlay"},
    FileSystemName{NFS_SUPER_MAGIC, "nfs"},
    FileSystemName{SMB_SUPER_MAGIC, "smb"},
    FileSystemName{0xff534d42, "cifs"},
    FileSystemName{0xfe534d42, "smb2"},
    FileSystemName{0x65735546, "fuse"},
    FileSystemName{V9FS_MAGIC, "9p"},
    FileSystemName{MSDOS_SUPER_MAGIC, "vfat"},
    FileSystemName{0x2011bab0, "exfat"},
    FileSystemName{0x2fc12fc1, "zfs"},
    FileSystemName{0x0bd00bd0, "lustre"},
    FileSystemName{0x47504653, "gpfs"},
    FileSystemName{CEPH_SUPER_MAGIC, "ceph"},
    FileSystemName{0xca451a4e, "bcachefs"},
};

std::string NameOf(uint64_t magic) {
  for (const FileSystemName& known : kNames) {
    if (known.magic == magic) return std::string(known.name);
  }
  return fmt::format("{:#x}", magic);
}

std::string ErrorText(std::string_view what, int error) {
  return fmt::format("{}: {}", what, std::generic_category().message(error));
}

Answer AnswerOf(bool is_so) {
  return is_so ? Answer::kYes : Answer::kNo;
}

UniqueFd MakeFile(const Path& path, std::string_view content) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (file && pwrite(file.get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) {
    return {};
  }
  return file;
}

std::string ContentOf(int file) {
  std::array<char, 16> bytes{};
  const ssize_t size = pread(file, bytes.data(), bytes.size(), 0);
  return size > 0 ? std::string(bytes.data(), static_cast<size_t>(size)) : std::string();
}

// A folder for tries, removed with all that is in it.
class Workbench {
 public:
  explicit Workbench(const Path& workshop) {
    static std::atomic<int> next{0};
    std::error_code error;
    std::filesystem::create_directory(workshop, error);  // one that is there is no error
    path_ = workshop / fmt::format(".batuta-doctor-{}-{}", getpid(), next++);
    if (mkdir(path_.c_str(), S_IRWXU) != 0) error_ = errno;
  }

  ~Workbench() {
    std::error_code error;
    if (error_ == 0) std::filesystem::remove_all(path_, error);
  }

  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  int error() const { return error_; }

  Path operator/(std::string_view name) const { return path_ / name; }

  const Path& path() const { return path_; }

 private:
  Path path_;
  int error_ = 0;
};

Answer TryLocks(const char* file) {
  const UniqueFd first(open(file, O_RDWR | O_CLOEXEC));
  const UniqueFd second(open(file, O_RDWR | O_CLOEXEC));
  if (!first || !second) return Answer::kUnknown;
  if (flock(first.get(), LOCK_EX | LOCK_NB) != 0) return Answer::kNo;
  return AnswerOf(flock(second.get(), LOCK_EX | LOCK_NB) != 0);
}

// Another process tries to take what this one holds. It does nothing that is not safe after a fork.
Answer TryProcessLocks(const char* file) {
  const UniqueFd held(open(file, O_RDWR | O_CLOEXEC));
  if (!held || flock(held.get(), LOCK_EX | LOCK_NB) != 0) return Answer::kUnknown;
  constexpr int kGotIt = 1;
  constexpr int kRefused = 2;
  const pid_t child = fork();
  if (child < 0) return Answer::kUnknown;
  if (child == 0) {
    const int own = open(file, O_RDWR | O_CLOEXEC);
    if (own < 0) _exit(0);
    _exit(flock(own, LOCK_EX | LOCK_NB) == 0 ? kGotIt : kRefused);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Answer::kUnknown;
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) return Answer::kUnknown;
  return AnswerOf(WEXITSTATUS(status) == kRefused);
}

// After the rename the name holds the new bytes, the other name is gone, and whoever had the old file open
// still reads it.
Answer TryRename(const Workbench& bench) {
  const Path from = bench / "new";
  const Path to = bench / "old";
  const UniqueFd newer = MakeFile(from, "new");
  const UniqueFd older = MakeFile(to, "old");
  if (!newer || !older) return Answer::kUnknown;
  if (rename(from.c_str(), to.c_str()) != 0) return Answer::kNo;
  const UniqueFd seen(open(to.c_str(), O_RDONLY | O_CLOEXEC));
  return AnswerOf(seen && ContentOf(seen.get()) == "new" && access(from.c_str(), F_OK) != 0 &&
                  ContentOf(older.get()) == "old");
}

Answer TrySync(const Workbench& bench) {
  const UniqueFd file = MakeFile(bench / "sync", "sync");
  const UniqueFd folder(open(bench.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file || !folder) return Answer::kUnknown;
  return AnswerOf(fsync(file.get()) == 0 && fsync(folder.get()) == 0);
}

Answer TryHardLink(const Workbench& bench, const char* file) {
  const Path link_path = bench / "hard-link";

  struct stat info {};

  if (link(file, link_path.c_str()) != 0) return Answer::kNo;
  return AnswerOf(stat(file, &info) == 0 && info.st_nlink == 2);
}

Answer TryReflink(const Workbench& bench, const char* file) {
  const UniqueFd source(open(file, O_RDONLY | O_CLOEXEC));
  const UniqueFd copy = MakeFile(bench / "reflink", "");
  if (!source || !copy) return Answer::kUnknown;
  return AnswerOf(ioctl(copy.get(), FICLONE, source.get()) == 0);
}

Answer TrySymlink(const Workbench& bench) {
  const Path path = bench / "symlink";
  std::array<char, 16> target{};
  if (symlink("file", path.c_str()) != 0) return Answer::kNo;
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return AnswerOf(size > 0 && std::string_view(target.data(), static_cast<size_t>(size)) == "file");
}

// How far the clock that dates new files is ahead of ours. Within one machine it lags by a tick.
std::optional<std::chrono::seconds> FileClockAhead(int file) {
  struct stat info {};

  timespec now{};
  if (fstat(file, &info) != 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) return std::nullopt;
  return std::chrono::seconds(info.st_mtim.tv_sec - now.tv_sec);
}

void TryAll(const Path& workshop, FolderFacts& facts) {
  const Workbench bench(workshop);
  if (bench.error() != 0) {
    facts.trouble = ErrorText("a folder cannot be made in it", bench.error());
    return;
  }
  const Path path = bench / "file";
  const UniqueFd file = MakeFile(path, "file");
  if (!file) {
    facts.trouble = ErrorText("nothing can be written to it", errno);
    return;
  }
  facts.clock_ahead = FileClockAhead(file.get());
  facts.locks = TryLocks(path.c_str());
  facts.process_locks = TryProcessLocks(path.c_str());
  facts.rename = TryRename(bench);
  facts.sync = TrySync(bench);
  facts.hard_links = TryHardLink(bench, path.c_str());
  facts.reflinks = TryReflink(bench, path.c_str());
  facts.symlinks = TrySymlink(bench);
  facts.case_sensitive = AnswerOf(access((bench / "FILE").c_str(), F_OK) != 0);
}

void LookAtFileSystem(const Path& folder, FolderFacts& facts) {
  struct statfs system {};

  if (statfs(folder.c_str(), &system) == 0) {
    facts.file_system = NameOf(static_cast<uint32_t>(system.f_type));
  }

  struct statvfs space {};

  if (statvfs(folder.c_str(), &space) != 0) return;
  facts.free_bytes = space.f_bavail * space.f_frsize;
  facts.total_bytes = space.f_blocks * space.f_frsize;
  if (space.f_files > 0) facts.free_files = space.f_favail;
}

}  // namespace

FolderFacts ProbeFolder(const Path& folder, const Path& workshop) {
  FolderFacts facts{.path = folder.string()};

  struct stat info {};

  if (stat(folder.c_str(), &info) == 0) {
    facts.exists = true;
    facts.owner = info.st_uid;
    facts.mode = info.st_mode & (S_ISVTX | S_IRWXU | S_IRWXG | S_IRWXO);
    LookAtFileSystem(folder, facts);
    if (!S_ISDIR(info.st_mode)) {
      facts.trouble = "is no folder";
    } else {
      TryAll(workshop, facts);
    }
    return facts;
  }
  if (errno != ENOENT) {
    facts.trouble = ErrorText("it cannot be looked at", errno);
    return facts;
  }
  Path above = folder.parent_path();
  while (above.has_relative_path() && access(above.c_str(), F_OK) != 0) above = above.parent_path();
  LookAtFileSystem(above, facts);
  if (access(above.c_str(), W_OK | X_OK) != 0) {
    facts.trouble =
        ErrorText(fmt::format("it is not there, and {} cannot be written to", above.string()), errno);
  }
  return facts;
}

}  // namespace batuta::doctor
