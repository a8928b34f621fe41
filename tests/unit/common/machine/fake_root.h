#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/files/temp_folder.h"

namespace batuta {

// A root with files as /proc and /sys have them.
class FakeRoot {
 public:
  void Put(const std::filesystem::path& path, const std::string& text) const {
    const std::filesystem::path whole = folder_.path() / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text;
  }

  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TempFolder folder_;
};

}  // namespace batuta
