#include "client/connection/program_search.h"

#include <algorithm>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace batuta::client {
namespace {

namespace fs = std::filesystem;

bool IsProgram(const fs::path& path) {
  struct stat info {};

  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::optional<fs::path> FindProgram(const Environment& environment, const fs::path& this_program,
                                    std::string_view name) {
  if (fs::path beside = this_program.parent_path() / name;
      this_program.has_parent_path() && IsProgram(beside)) {
    return beside;
  }
  // Where an installation keeps what nobody calls by hand.
  if (fs::path helper = this_program.parent_path() / BATUTA_LIBEXEC_FROM_BIN / name;
      this_program.is_absolute() && IsProgram(helper)) {
    return helper.lexically_normal();
  }
  const std::string search = environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  for (size_t begin = 0; begin <= search.size();) {
    const size_t end = std::min(search.find(':', begin), search.size());
    const fs::path folder = search.substr(begin, end - begin);
    // A relative folder in PATH would start whatever lies in the working folder.
    if (folder.is_absolute() && IsProgram(folder / name)) return folder / name;
    begin = end + 1;
  }
  // Where a build puts it: build/…/client/batuta, build/…/daemon/app/NAME.
  if (fs::path built = this_program.parent_path().parent_path() / "daemon" / "app" / name;
      this_program.is_absolute() && IsProgram(built)) {
    return built;
  }
  return std::nullopt;
}

}  // namespace batuta::client
