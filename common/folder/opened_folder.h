#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "common/folder/folder_entry.h"
#include "common/io/unique_fd.h"

struct stat;

namespace batuta {

FileStamp StampOf(const struct stat& stat);

// OpenedFolder is a folder by its descriptor: it stays the same wherever it is moved, and nothing outside it
// is ever opened. A symlink is followed only where it leads to what is inside (beneath.h).
//
// Paths are relative to it, `/`-separated; one with `.` or `..` in it leads outside (EXDEV). Thread-safe;
// everything blocks on the disk.
class OpenedFolder {
 public:
  // `path` is absolute: a folder, or one file, which then is all that there is.
  //   kNotFound (ENTRY_NOT_FOUND)           it is not there.
  //   kInvalidArgument (INVALID_PATH)       not absolute, or neither file nor folder.
  //   kPermissionDenied (NOT_PERMITTED)     it may not be read.
  //   kUnavailable (STORAGE_FAILED)
  static absl::StatusOr<OpenedFolder> Open(const std::filesystem::path& path);

  // The folder, also where one file is meant; free of symlinks.
  const std::filesystem::path& path() const { return path_; }

  // The name of the one file that is meant.
  const std::optional<std::string>& only_file() const { return only_file_; }

  // What lies in one of its folders; empty: in itself. What vanishes meanwhile is not there. ENOTDIR, ELOOP:
  // no folder without symlinks on the way.
  FolderNames List(const std::string& folder) const;

  // The one entry of that name in the folder itself. ENOENT: there is none.
  FolderNames LookAt(const std::string& name) const;

  struct Found {
    int error_number = 0;  // not 0: it cannot be opened; EXDEV: it leads outside
    FolderEntryKind kind = FolderEntryKind::kOther;
    FileStamp stamp = {};
    UniqueFd file = UniqueFd();  // of a kFile
  };

  // Never waits for the other end of a FIFO.
  Found OpenFile(const std::string& place) const;

 private:
  OpenedFolder(UniqueFd root, std::filesystem::path path, std::optional<std::string> only_file)
      : root_(std::move(root)), path_(std::move(path)), only_file_(std::move(only_file)) {}

  std::optional<FolderEntry> EntryOf(int folder, const std::string& place, const std::string& name) const;

  UniqueFd root_;
  std::filesystem::path path_;
  std::optional<std::string> only_file_;
};

// "a named pipe", "no regular file" …
std::string WhatItIs(FolderEntryKind kind);

}  // namespace batuta
