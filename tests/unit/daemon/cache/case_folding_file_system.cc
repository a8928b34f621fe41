#include "tests/unit/daemon/cache/case_folding_file_system.h"

#include <algorithm>
#include <cctype>

namespace batuta::cache {
namespace {

bool AreSame(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

CaseFoldingFileSystem::Path CaseFoldingFileSystem::AsSpelled(const Path& path) {
  Path spelled = path.root_path();
  for (const Path& component : path.relative_path()) {
    const auto names = files_.List(spelled);
    std::string name = component.native();
    if (names.ok()) {
      const auto found = std::find_if(names->begin(), names->end(),
                                      [&](const std::string& other) { return AreSame(other, name); });
      if (found != names->end()) name = *found;
    }
    spelled /= name;
  }
  return spelled;
}

absl::StatusOr<std::unique_ptr<File>> CaseFoldingFileSystem::Open(const Path& path, OpenMode mode) {
  return files_.Open(AsSpelled(path), mode);
}

absl::Status CaseFoldingFileSystem::Rename(const Path& from, const Path& to) {
  return files_.Rename(AsSpelled(from), AsSpelled(to));
}

absl::Status CaseFoldingFileSystem::Symlink(const std::string& target, const Path& path) {
  return files_.Symlink(target, AsSpelled(path));
}

absl::Status CaseFoldingFileSystem::Link(const Path& existing, const Path& path) {
  return files_.Link(AsSpelled(existing), AsSpelled(path));
}

absl::Status CaseFoldingFileSystem::Remove(const Path& path) {
  return files_.Remove(AsSpelled(path));
}

absl::Status CaseFoldingFileSystem::MakeFolders(const Path& path) {
  return files_.MakeFolders(AsSpelled(path));
}

absl::Status CaseFoldingFileSystem::SyncFolder(const Path& path) {
  return files_.SyncFolder(AsSpelled(path));
}

absl::StatusOr<std::string> CaseFoldingFileSystem::ReadSymlink(const Path& path) {
  return files_.ReadSymlink(AsSpelled(path));
}

absl::StatusOr<FileInfo> CaseFoldingFileSystem::Info(const Path& path) {
  return files_.Info(AsSpelled(path));
}

absl::StatusOr<std::vector<std::string>> CaseFoldingFileSystem::List(const Path& folder) {
  return files_.List(AsSpelled(folder));
}

}  // namespace batuta::cache
