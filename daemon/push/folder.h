#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/folder/folder_entry.h"
#include "common/types/repo_path.h"
#include "daemon/push/file_bytes.h"
#include "daemon/push/local_file.h"

namespace batuta::push {

inline constexpr uint64_t kMostLocalFiles = 1'000'000;  // of one push
inline constexpr size_t kMostListedIgnored = 10'000;

// What lies in the folder and is not pushed.
struct IgnoredPath {
  std::string path;  // relative to the folder; one that ends in `/` is a folder, with all that is in it
  std::string why;   // "`*.tmp` in .gitignore, line 3"

  friend bool operator==(const IgnoredPath&, const IgnoredPath&) = default;
};

struct FolderListing {
  std::vector<LocalFile> files;       // sorted by path
  std::vector<IgnoredPath> ignored;   // sorted by path, at most kMostListedIgnored
  uint64_t ignored_left_out = 0;      // those beyond
  std::vector<Objection> objections;  // sorted by path; while there is one, `files` need not be all
  bool is_one_file = false;           // which was named: the folder around it may have others
};

// Folder is the folder that is pushed, wherever it lies: what is in it, and the way to its files. Nothing
// outside it is ever opened: a symlink is followed only where it leads to a regular file inside. Anything
// else that is no file or folder, or cannot be read, is an objection. It is known by its stamp that a file is
// the same as before.
//
// Thread-safe; everything blocks: on the disk, or on the client that serves it. Of one that is served every
// call may end with
//   IsClientGone()  that client is gone, does not answer, or answers nonsense.
class Folder {
 public:
  // `realm`: see realm().
  Folder(std::filesystem::path path, std::optional<std::string> only_file, std::string realm)
      : path_(std::move(path)), only_file_(std::move(only_file)), realm_(std::move(realm)) {}

  virtual ~Folder() = default;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  // The folder, also where one file is pushed; free of symlinks.
  const std::filesystem::path& path() const { return path_; }

  // Nothing: all of it is pushed.
  const std::optional<std::string>& only_file() const { return only_file_; }

  // On whose word stamps and bytes are what they are. Empty: the kernel's. What was found out about files of
  // one realm is never used in another.
  const std::string& realm() const { return realm_; }

  // Everything in it that no ignore rule (ignore_rules.h) leaves out; more than `most_files` are an
  // objection.
  //   kUnavailable (STORAGE_FAILED)
  absl::StatusOr<FolderListing> Walk(uint64_t most_files = kMostLocalFiles) const;

  // A file as it was listed.
  //   kAborted (FILE_CHANGED)        it is gone, or another one, or was written to since.
  //   kUnavailable (STORAGE_FAILED)
  absl::StatusOr<std::unique_ptr<FileBytes>> OpenFile(const LocalFile& file) const;

  // One that need not have been listed, as it is now; nothing when there is no regular file at that path.
  //   kPermissionDenied (NOT_PERMITTED), kUnavailable (STORAGE_FAILED)
  absl::StatusOr<std::unique_ptr<FileBytes>> FindFile(const RepoPath& path) const;

  // The same of the folder's `.git`, which no path of a repo leads into.
  absl::StatusOr<std::unique_ptr<FileBytes>> FindGitFile(const RepoPath& path) const;

  // What all of that is made of.

  // What lies in one of its folders; empty: in itself. See OpenedFolder.
  virtual absl::StatusOr<FolderNames> List(const std::string& folder) const = 0;
  virtual absl::StatusOr<FolderNames> LookAt(const std::string& name) const = 0;

  struct Found {
    int error_number = 0;  // not 0: it cannot be opened; EXDEV: it leads outside
    FolderEntryKind kind = FolderEntryKind::kOther;
    std::unique_ptr<FileBytes> bytes = nullptr;  // of a kFile, with the stamp that it has now
  };

  // What lies at `place`, under the name `path`.
  virtual absl::StatusOr<Found> Open(const std::string& place, const RepoPath& path) const = 0;

 private:
  absl::StatusOr<std::unique_ptr<FileBytes>> Find(const std::string& place, const RepoPath& path) const;

  const std::filesystem::path path_;
  const std::optional<std::string> only_file_;
  const std::string realm_;
};

}  // namespace batuta::push
