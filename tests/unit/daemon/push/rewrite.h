#pragma once

#include <filesystem>
#include <fstream>
#include <string_view>

#include <sys/stat.h>

namespace batuta::push {

// Writes to a file that is there, and again until its change time has moved: kernels before 6.13 count that
// in ticks of some milliseconds, so that a file may be written to twice within one.
inline void Rewrite(const std::filesystem::path& path, std::string_view content) {
  struct stat before = {};
  struct stat now = {};
  ::stat(path.c_str(), &before);
  do {
    std::ofstream(path, std::ios::binary) << content;
    ::stat(path.c_str(), &now);
  } while (now.st_ctim.tv_sec == before.st_ctim.tv_sec && now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
}

}  // namespace batuta::push
