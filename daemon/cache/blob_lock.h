#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "common/io/file_system.h"

namespace batuta::cache {

// BlobLock is the lock that the Python and Rust libraries take on a blob: flock(2) on `.locks/<repo
// folder>/<blob>.lock`. It saves them a download that is being finished here; correctness never rests on it,
// since finished names appear by an atomic rename. So it is tried, never waited for, and held for moments
// only. Dropped with the object; the file stays, as some of them delete it and none may be deleted while
// others wait on it.
class BlobLock {
 public:
  // Nothing when another holds it, or when it cannot be had.
  static std::optional<BlobLock> TryTake(FileSystem& files, const std::filesystem::path& path);

 private:
  explicit BlobLock(std::unique_ptr<File> file) : file_(std::move(file)) {}

  std::unique_ptr<File> file_;
};

}  // namespace batuta::cache
