#include "daemon/cache/probe.h"

#include <cerrno>
#include <memory>
#include <optional>

#include "common/status/status.h"
#include "daemon/cache/disk_error.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;

absl::Status RemoveAll(FileSystem& files, const Path& folder) {
  const auto names = files.List(folder);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) RETURN_IF_ERROR(files.Remove(folder / name));
  return files.Remove(folder);
}

// Did the call fail because the file system has no such thing? The kernel and the network file systems have
// many words for it.
bool SaysUnsupported(const absl::Status& status) {
  const int number = ErrnoOf(status);
  return number == EPERM || number == EOPNOTSUPP || number == ENOSYS || number == EINVAL ||
         number == ENOLCK || number == EMLINK || number == EACCES;
}

absl::StatusOr<bool> IsSupported(const absl::Status& status) {
  if (status.ok()) return true;
  if (SaysUnsupported(status)) return false;
  return status;
}

// Two locks of one file must exclude each other: some file systems grant them to everybody.
absl::StatusOr<bool> CanLock(FileSystem& files, const Path& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> first, files.Open(path, OpenMode::kReadWrite));
  ASSIGN_OR_RETURN(const std::unique_ptr<File> second, files.Open(path, OpenMode::kReadWrite));
  const auto is_first = first->TryLock();
  ASSIGN_OR_RETURN(const bool is_supported, IsSupported(is_first.status()));
  if (!is_supported) return false;
  ASSIGN_OR_RETURN(const bool is_second, second->TryLock());
  return *is_first && !is_second;
}

absl::StatusOr<Abilities> TryAll(FileSystem& files, const Path& folder) {
  const Path file = folder / "file";
  RETURN_IF_ERROR(files.MakeFolders(folder));
  RETURN_IF_ERROR(files.Open(file, OpenMode::kCreateNew).status());
  Abilities abilities;
  ASSIGN_OR_RETURN(abilities.symlinks, IsSupported(files.Symlink("file", folder / "symlink")));
  ASSIGN_OR_RETURN(abilities.hard_links, IsSupported(files.Link(file, folder / "hard-link")));
  ASSIGN_OR_RETURN(abilities.locks, CanLock(files, file));
  return abilities;
}

}  // namespace

absl::StatusOr<Abilities> ProbeAbilities(FileSystem& files, const Path& folder) {
  RETURN_IF_ERROR(RemoveAll(files, folder));
  auto abilities = TryAll(files, folder);
  if (absl::IsResourceExhausted(abilities.status())) abilities = Abilities();
  const absl::Status removed = RemoveAll(files, folder);
  if (!abilities.ok()) return abilities.status();
  RETURN_IF_ERROR(removed);
  return abilities;
}

}  // namespace batuta::cache
