#include "daemon/cache/blob_lock.h"

namespace batuta::cache {

std::optional<BlobLock> BlobLock::TryTake(FileSystem& files, const std::filesystem::path& path) {
  // Some versions of the Python lock library delete the file when they let go. A lock on a file that has lost
  // its name keeps nobody out, so the one that has the name now is tried.
  constexpr int kMostTries = 3;
  for (int i = 0; i < kMostTries; ++i) {
    auto file = files.Open(path, OpenMode::kCreateShared);
    if (absl::IsNotFound(file.status()) && files.MakeFolders(path.parent_path()).ok()) {
      file = files.Open(path, OpenMode::kCreateShared);
    }
    if (!file.ok()) return std::nullopt;
    const auto is_ours = (*file)->TryLock();
    if (!is_ours.ok() || !*is_ours) return std::nullopt;
    const auto locked = (*file)->Info();
    const auto named = files.Info(path);
    if (locked.ok() && named.ok() && locked->inode == named->inode && locked->device == named->device) {
      return BlobLock(*std::move(file));
    }
  }
  return std::nullopt;
}

}  // namespace batuta::cache
