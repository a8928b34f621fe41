#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace batuta::cache {

// Names for files that exist for a moment, before they are renamed to their place. They lie in the repo's
// folder itself: the same file system as their place, and the one spot that no scanner looks at (a stray file
// below refs/ or snapshots/ makes the Python library drop the repo from its report). Thread-safe.
class TempNames {
 public:
  explicit TempNames(std::string_view instance);

  std::filesystem::path Next(const std::filesystem::path& repo_folder);

  // Was `name` made by this instance, in this or an earlier run?
  bool IsOurs(std::string_view name) const;

 private:
  const std::string prefix_;
  std::atomic<uint64_t> next_ = 0;
};

}  // namespace batuta::cache
