#include "client/inspection/file_walk.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta::client {
namespace {

namespace fs = std::filesystem;

struct Name {
  std::string name;
  bool is_folder = false;
};

// A name is any bytes; a path that is told is UTF-8.
std::string Told(const std::string& name) {
  return IsValidUtf8(name) ? name : Printable(name);
}

class Walk {
 public:
  explicit Walk(absl::FunctionRef<bool(const WalkedFile& file)> take) : take_(take) {}

  absl::Status Run(const fs::path& root) {
    struct stat info {};

    if (::stat(root.c_str(), &info) != 0) {
      const int error = errno;
      if (error != ENOENT && error != ENOTDIR)
        return ErrnoError(error, fmt::format("look at {}", Quoted(root.native())));
      return MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound,
                       fmt::format("there is no file or folder {}", Quoted(root.native())), "");
    }
    if (!S_ISDIR(info.st_mode)) {
      take_({.path = Told(root.filename().native()), .location = root});
      return absl::OkStatus();
    }
    pending_.push_back({.path = "", .location = root});
    while (!pending_.empty()) {
      const WalkedFile folder = std::move(pending_.back());
      pending_.pop_back();
      if (!IsNew(folder.location)) continue;
      ASSIGN_OR_RETURN(const std::vector<Name> names, Names(folder));
      if (!Take(folder, names)) break;
    }
    return absl::OkStatus();
  }

 private:
  bool IsNew(const fs::path& folder) {
    struct stat info {};

    return ::stat(folder.c_str(), &info) == 0 && seen_.emplace(info.st_dev, info.st_ino).second;
  }

  static absl::StatusOr<std::vector<Name>> Names(const WalkedFile& folder) {
    std::vector<Name> names;
    std::error_code error;
    for (fs::directory_iterator at(folder.location, error), end; !error && at != end; at.increment(error)) {
      std::error_code unknown;  // a link that leads nowhere is no folder
      names.push_back({.name = at->path().filename().native(), .is_folder = at->is_directory(unknown)});
    }
    if (error)
      return ErrnoError(error.value(), fmt::format("read the folder {}", Quoted(folder.location.native())));
    std::ranges::sort(names, {}, &Name::name);
    return names;
  }

  // Files at once, folders later; the first of them first.
  bool Take(const WalkedFile& folder, const std::vector<Name>& names) {
    const std::string below = folder.path.empty() ? "" : folder.path + "/";
    for (const Name& name : names) {
      if (!name.is_folder &&
          !take_({.path = below + Told(name.name), .location = folder.location / name.name}))
        return false;
    }
    for (size_t i = names.size(); i-- > 0;) {
      if (!names[i].is_folder || names[i].name == ".git") continue;
      pending_.push_back({.path = below + Told(names[i].name), .location = folder.location / names[i].name});
    }
    return true;
  }

  absl::FunctionRef<bool(const WalkedFile& file)> take_;
  std::vector<WalkedFile> pending_;  // folders, the next one last
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

absl::Status WalkFiles(const fs::path& root, absl::FunctionRef<bool(const WalkedFile& file)> take) {
  return Walk(take).Run(root);
}

}  // namespace batuta::client
