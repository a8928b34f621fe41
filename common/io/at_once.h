#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace batuta {

// AtOnce answers about one folder what the kernel has in its memory, for threads that must not wait for a
// disk. Where it would have to wait, or the kernel or the file system knows no such question, the answer is
// nothing, as it is for what is not there: then ask FileSystem, on a thread that may wait. Thread-safe.
class AtOnce {
 public:
  // Looks at what file system `folder` is on, which may block. A folder that is not there has no answers.
  explicit AtOnce(std::filesystem::path folder);

  // The whole file, of less than 4 KiB, at that place below the folder; a symlink is followed.
  std::optional<std::string> Read(const std::filesystem::path& below) const;

  // True: something is there, at the end of all symlinks.
  bool Has(const std::filesystem::path& below) const;

 private:
  const std::filesystem::path folder_;
  const std::optional<int> read_flags_;  // of preadv2(2); nothing: opening a file there may wait
};

}  // namespace batuta
