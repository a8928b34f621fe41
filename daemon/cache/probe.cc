#include "daemon/cache/probe.h"

#include <cerrno>
#include <memory>
#include <utility>

#include <fmt/format.h>

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

}  // namespace

Probe::Probe(FileSystem& files, Path locks, std::string_view instance)
    : files_(files), locks_(std::move(locks)), prefix_(fmt::format(".batuta-{}-probe", instance)) {}

absl::Status Probe::EnsureKnown() {
  if (is_known_.load(std::memory_order_acquire)) return absl::OkStatus();
  // Each try has a folder of its own: two may run side by side and find the same.
  const Path folder = locks_ / fmt::format("{}-{}", prefix_, next_.fetch_add(1, std::memory_order_relaxed));
  const auto abilities = TryIn(folder);
  const absl::Status removed = RemoveAll(files_, folder);
  if (!abilities.ok()) return abilities.status();
  RETURN_IF_ERROR(removed);
  MutexLock lock(mutex_);
  if (is_known_.load(std::memory_order_relaxed)) return absl::OkStatus();
  known_ = *abilities;
  is_known_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status Probe::RemoveLeftovers() {
  const auto names = files_.List(locks_);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name.starts_with(prefix_)) RETURN_IF_ERROR(RemoveAll(files_, locks_ / name));
  }
  return absl::OkStatus();
}

absl::StatusOr<Abilities> Probe::TryIn(const Path& folder) {
  const Path file = folder / "file";
  RETURN_IF_ERROR(files_.MakeFolders(folder));
  RETURN_IF_ERROR(files_.Open(file, OpenMode::kCreateNew).status());
  Abilities abilities;
  ASSIGN_OR_RETURN(abilities.symlinks, IsSupported(files_.Symlink("file", folder / "symlink")));
  ASSIGN_OR_RETURN(abilities.hard_links, IsSupported(files_.Link(file, folder / "hard-link")));
  ASSIGN_OR_RETURN(abilities.locks, CanLock(files_, file));
  return abilities;
}

}  // namespace batuta::cache
