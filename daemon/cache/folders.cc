#include "daemon/cache/folders.h"

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/cache/disk_error.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;
using Kind = FileInfo::Kind;

absl::StatusOr<bool> CheckRealFolder(FileSystem& files, const Path& path) {
  const auto info = files.Info(path);
  if (absl::IsNotFound(info.status())) return false;
  if (!info.ok()) return info.status();
  if (info->kind == Kind::kFolder) return true;
  if (info->kind == Kind::kSymlink)
    return InTheWay(path, "is a symlink where a folder is needed: it would lead files astray");
  return InTheWay(path, "is a file where a folder is needed");
}

}  // namespace

absl::Status MakeFoldersDurably(FileSystem& files, const Path& path) {
  const auto info = files.Info(path);
  if (info.ok() && (info->kind == Kind::kFolder || info->kind == Kind::kSymlink)) return absl::OkStatus();
  if (!info.ok() && !absl::IsNotFound(info.status())) return info.status();
  const Path parent = path.parent_path();
  if (parent != path) RETURN_IF_ERROR(MakeFoldersDurably(files, parent));
  RETURN_IF_ERROR(files.MakeFolders(path));
  return files.SyncFolder(parent);
}

std::vector<Path> FoldersOnTheWay(const Path& base, std::string_view relative) {
  std::vector<Path> folders = {base};
  for (size_t slash = relative.find('/'); slash != std::string_view::npos;
       slash = relative.find('/', slash + 1)) {
    folders.push_back(base / relative.substr(0, slash));
  }
  return folders;
}

absl::StatusOr<bool> CheckRealFolders(FileSystem& files, const std::vector<Path>& folders) {
  for (const Path& folder : folders) {
    ASSIGN_OR_RETURN(const bool is_there, CheckRealFolder(files, folder));
    if (!is_there) return false;
  }
  return true;
}

absl::StatusOr<std::vector<Path>> MakeRealFolders(FileSystem& files, const std::vector<Path>& folders) {
  std::vector<Path> changed;
  for (const Path& folder : folders) {
    ASSIGN_OR_RETURN(const bool is_there, CheckRealFolder(files, folder));
    if (is_there) continue;
    RETURN_IF_ERROR(files.MakeFolders(folder));
    // Somebody else may have been quicker, with something else.
    ASSIGN_OR_RETURN(const bool is_real, CheckRealFolder(files, folder));
    if (!is_real)
      return absl::NotFoundError(fmt::format("{} was removed while it was in use", folder.string()));
    changed.push_back(folder.parent_path());
  }
  return changed;
}

absl::Status SyncFolderTree(FileSystem& files, const Path& folder) {
  const auto names = files.List(folder);
  if (SaysAbsent(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const auto info = files.Info(folder / name);
    if (info.ok() && info->kind == Kind::kFolder) RETURN_IF_ERROR(SyncFolderTree(files, folder / name));
  }
  const absl::Status synced = files.SyncFolder(folder);
  return SaysAbsent(synced) ? absl::OkStatus() : synced;
}

}  // namespace batuta::cache
