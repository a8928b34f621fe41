#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/io/unique_fd.h"
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

// LocalFolder is the folder that is pushed: what is in it, and the way to its files. It holds on to the
// folder itself, wherever that is moved, and nothing outside it is ever opened: a symlink is followed only
// where it leads to a regular file inside. Anything else that is no file or folder, or cannot be read, is an
// objection.
//
// Thread-safe; everything blocks on the disk. It is known by its stamp that a file is the same as before.
class LocalFolder {
 public:
  // `path` is absolute: a folder, or one file, which then is all that there is.
  //   kNotFound (ENTRY_NOT_FOUND)           it is not there.
  //   kInvalidArgument (INVALID_PATH)       not absolute, or neither file nor folder.
  //   kPermissionDenied (NOT_PERMITTED)     it may not be read.
  //   kUnavailable (STORAGE_FAILED)
  static absl::StatusOr<std::shared_ptr<const LocalFolder>> Open(const std::filesystem::path& path);

  LocalFolder(UniqueFd root, std::filesystem::path path, std::optional<std::string> only_file);

  // The folder, also where one file is pushed; free of symlinks.
  const std::filesystem::path& path() const { return path_; }

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

 private:
  absl::StatusOr<std::unique_ptr<FileBytes>> Find(const std::string& place, const RepoPath& path) const;

  const UniqueFd root_;
  const std::filesystem::path path_;
  const std::optional<std::string> only_file_;
};

}  // namespace batuta::push
