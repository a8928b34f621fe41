#include "tests/support/files/temp_folder.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

namespace batuta {

TempFolder::TempFolder() {
  std::string name =
      std::filesystem::canonical(std::filesystem::temp_directory_path()) / "batuta-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    std::perror("mkdtemp");
    std::abort();
  }
  path_ = name;
}

TempFolder::~TempFolder() {
  // A test may have taken away the permission to remove what is inside; as good as possible is good enough
  // here.
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_, ignored)) {
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
      std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all, ignored);
    }
  }
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace batuta
