#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/time/clock.h"

namespace batuta {

struct FileInfo {
  enum class Kind { kFile, kFolder, kSymlink, kOther };

  Kind kind = Kind::kOther;
  uint64_t size_bytes = 0;
  uint64_t allocated_bytes = 0;  // on disk
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t links = 0;
  WallTime modified;
  WallTime accessed;
};

struct SpaceInfo {
  uint64_t free_bytes = 0;  // for an ordinary user
  uint64_t total_bytes = 0;
};

// An open file. Blocking; one thread at a time, except that ReadAt and WriteAt on disjoint ranges may run
// side by side. Errors as ErrnoError() maps them.
class File {
 public:
  virtual ~File() = default;  // closes, and so drops a lock
  virtual absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) = 0;

  // Fewer bytes than asked only at the end of the file.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> bytes) = 0;

  // After OK the bytes survive a power cut.
  virtual absl::Status Sync() = 0;
  virtual absl::Status Truncate(uint64_t size_bytes) = 0;

  // flock(2), exclusive, not waiting. False when another descriptor holds it.
  virtual absl::StatusOr<bool> TryLock() = 0;

  // Does anybody else have the file open or mapped, in this process or another one, of whatever user? False
  // also where that cannot be told: on file systems without leases, and for files of other owners.
  virtual bool IsOpenElsewhere() = 0;
  virtual absl::StatusOr<FileInfo> Info() const = 0;
};

inline constexpr size_t kDirectAlignment = 4096;

enum class OpenMode {
  kRead,          // must exist; a symlink is followed; leaves the access time alone where it may
  kReadDirect,    // as kRead, from the disk itself and without a trace in the page cache, where that can be
                  // had: offsets, lengths and memory of reads are multiples of kDirectAlignment
  kReadWrite,     // must exist
  kCreate,        // made when missing, kept when not
  kCreateNew,     // kAlreadyExists when it exists
  kCreateShared,  // as kCreate; our own file then lets its group write, whatever the umask: lock files
};

// FileSystem is the one door to the disk for everything durable: the cache, partial files, small state files.
// Paths are absolute. Never follows a symlink in the last component when opening for writing, and opens
// nothing but regular files. All methods block and are thread-safe. Errors as ErrnoError() maps them.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::filesystem::path& path, OpenMode mode) = 0;
  virtual absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  virtual absl::Status Symlink(const std::string& target, const std::filesystem::path& path) = 0;
  virtual absl::Status Link(const std::filesystem::path& existing, const std::filesystem::path& path) = 0;

  // A new file with the bytes of another, which shares its place on the disk until one of them changes. Where
  // the file system has no such thing it is an error, and nothing is left.
  virtual absl::Status Clone(const std::filesystem::path& existing, const std::filesystem::path& path) = 0;

  // A file, a symlink or an empty folder. kNotFound when it is not there.
  virtual absl::Status Remove(const std::filesystem::path& path) = 0;

  // The whole path, like `mkdir -p`; survives a power cut once SyncFolder() of each parent says so.
  virtual absl::Status MakeFolders(const std::filesystem::path& path) = 0;

  // Makes renames, links and removals in this folder survive a power cut.
  virtual absl::Status SyncFolder(const std::filesystem::path& path) = 0;

  // As File::Sync() of each of these files, which lie on one file system: a few of them one by one, many with
  // one sync of the file system, which costs little more than one of them. An error may be that of another
  // file.   kNotFound  one is not there.
  virtual absl::Status SyncFiles(const std::vector<std::filesystem::path>& paths) = 0;
  virtual absl::StatusOr<std::string> ReadSymlink(const std::filesystem::path& path) = 0;

  // Of the thing itself, not of what a symlink points to.
  virtual absl::StatusOr<FileInfo> Info(const std::filesystem::path& path) = 0;

  // Names, not paths; sorted; without `.` and `..`. kNotFound when the folder is not there.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::filesystem::path& folder) = 0;

  // Of the file system that holds `path`, which must exist.
  virtual absl::StatusOr<SpaceInfo> Space(const std::filesystem::path& path) = 0;
};

// The machine's own.
std::unique_ptr<FileSystem> MakePosixFileSystem();

// Whole small file (≤ `limit_bytes`, else kResourceExhausted).
absl::StatusOr<std::string> ReadSmallFile(FileSystem& files, const std::filesystem::path& path,
                                          uint64_t limit_bytes = 1 << 20);

// Replaces `path` as one step that survives a power cut: temp file beside it, sync, rename, sync folder.
absl::Status ReplaceFile(FileSystem& files, const std::filesystem::path& path, std::string_view content);

}  // namespace batuta
