#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/file_system.h"

namespace batuta {

// The small text files of /proc and /sys, below a root that may be a copy of them. Paths are relative to the
// root. What is missing, unreadable or larger than any such file is nothing.
class RootedFiles {
 public:
  explicit RootedFiles(std::filesystem::path root);

  std::optional<std::string> Text(const std::filesystem::path& path) const;
  std::optional<uint64_t> Number(const std::filesystem::path& path) const;  // as ParseWhole()

  // Of what is in a folder, sorted by the number at their end (card2 before card10); at most 1024.
  std::vector<std::string> Names(const std::filesystem::path& folder) const;

  std::filesystem::path At(const std::filesystem::path& path) const;  // with the root

 private:
  std::filesystem::path root_;
  std::unique_ptr<FileSystem> files_;
};

// A whole number, decimal or after `0x` hexadecimal, with white space around it or not; nothing when it is
// none or does not fit.
std::optional<uint64_t> ParseWhole(std::string_view text);

// Without white space at either end.
std::string_view Trimmed(std::string_view text);

// The next line or field of `text`, taken off its front with one `separator`; `text` must not be empty.
std::string_view TakeUntil(std::string_view& text, char separator);

// Never below 0 or above the largest number.
uint64_t Less(uint64_t from, uint64_t what);
uint64_t Times(uint64_t number, uint64_t factor);
uint64_t Plus(uint64_t one, uint64_t other);

}  // namespace batuta
