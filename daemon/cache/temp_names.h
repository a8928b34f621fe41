#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "common/io/file_system.h"

namespace batuta::cache {

// Names for files that exist for a moment, before they are renamed to their place. They lie in the repo's
// folder itself: the same file system as their place, and the one spot that no scanner looks at (a stray file
// below refs/ or snapshots/ makes the Python library drop the repo from its report). Thread-safe.
class TempNames {
 public:
  explicit TempNames(std::string_view instance);

  std::filesystem::path Next(const std::filesystem::path& repo_folder);

  // For a blob that may have to come back: the name says which.
  std::filesystem::path NextAside(const std::filesystem::path& repo_folder, std::string_view blob);

  // Was `name` made by this instance, in this or an earlier run?
  bool IsOurs(std::string_view name) const;

  // The blob, when `name` is ours and from NextAside().
  std::optional<std::string> BlobOfAside(std::string_view name) const;

 private:
  const std::string prefix_;
  std::atomic<uint64_t> next_ = 0;
};

// A new and empty file. What an earlier run has left under that name is removed and not written to: it may be
// another name of a blob.
absl::StatusOr<std::unique_ptr<File>> OpenFresh(FileSystem& files, const std::filesystem::path& temp);

}  // namespace batuta::cache
