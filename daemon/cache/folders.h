#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/io/file_system.h"

namespace batuta::cache {

// Makes the folder and its missing parents so that they survive a power cut. Symlinks to folders on the way
// are the owner's choice and are followed.
absl::Status MakeFoldersDurably(FileSystem& files, const std::filesystem::path& path);

// The paths of the folders that `relative` (a well-formed `a/b/c`) passes through, `base` first: base,
// base/a, base/a/b.
std::vector<std::filesystem::path> FoldersOnTheWay(const std::filesystem::path& base,
                                                   std::string_view relative);

// Is each of the folders there and a real folder? False when one is missing.
//   kDataLoss (INVALID_PATH)  one is not a folder, or a symlink, which would lead what is below it astray.
absl::StatusOr<bool> CheckRealFolders(FileSystem& files, const std::vector<std::filesystem::path>& folders);

// The same, and makes those that are missing; the parent of the first must exist. Answers every folder that
// got a new entry.
absl::StatusOr<std::vector<std::filesystem::path>> MakeRealFolders(
    FileSystem& files, const std::vector<std::filesystem::path>& folders);

// Syncs the folder and every one below it, innermost first. One that is not there is no error.
absl::Status SyncFolderTree(FileSystem& files, const std::filesystem::path& folder);

}  // namespace batuta::cache
