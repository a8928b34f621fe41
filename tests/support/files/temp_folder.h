#pragma once

#include <filesystem>
#include <string_view>

namespace batuta {

// TempFolder makes a fresh folder on the real disk and removes it, with all that is in it, at the end of its
// scope.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  // Absolute, and free of symlinks.
  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace batuta
