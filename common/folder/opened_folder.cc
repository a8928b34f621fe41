#include "common/folder/opened_folder.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/folder/beneath.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta {
namespace {

using Kind = FolderEntryKind;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

Kind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return Kind::kFile;
  if (S_ISDIR(mode)) return Kind::kFolder;
  if (S_ISFIFO(mode)) return Kind::kPipe;
  if (S_ISSOCK(mode)) return Kind::kSocket;
  if (S_ISCHR(mode) || S_ISBLK(mode)) return Kind::kDevice;
  return Kind::kOther;
}

// Names all the way down: whoever asks for `..` gets nothing, and no kernel is trusted with it.
bool IsPlain(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos)
      return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

absl::Status OpenError(int error_number, std::string_view quoted) {
  if (error_number == ENOENT || error_number == ENOTDIR) {
    return MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound, fmt::format("no {}", quoted),
                     "name a folder, or a file");
  }
  if (error_number == EACCES || error_number == EPERM) {
    return MakeError(absl::StatusCode::kPermissionDenied, reason::kNotPermitted,
                     fmt::format("{} may not be read", quoted), "change its permissions");
  }
  return ErrnoError(error_number, fmt::format("open {}", quoted));
}

}  // namespace

FileStamp StampOf(const struct stat& stat) {
  constexpr int64_t kNanos = 1'000'000'000;
  return {.device = stat.st_dev,
          .inode = stat.st_ino,
          .size_bytes = static_cast<uint64_t>(stat.st_size),
          .modified_ns = stat.st_mtim.tv_sec * kNanos + stat.st_mtim.tv_nsec,
          .changed_ns = stat.st_ctim.tv_sec * kNanos + stat.st_ctim.tv_nsec};
}

std::string WhatItIs(FolderEntryKind kind) {
  switch (kind) {
    case Kind::kFolder:
      return "a folder";
    case Kind::kPipe:
      return "a named pipe";
    case Kind::kSocket:
      return "a socket";
    case Kind::kDevice:
      return "a device";
    default:
      return "no regular file";
  }
}

absl::StatusOr<OpenedFolder> OpenedFolder::Open(const std::filesystem::path& path) {
  const std::string quoted = Quoted(path.native());
  if (!path.is_absolute()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidPath,
                     fmt::format("{} is not absolute", quoted), "name it from the root on");
  }
  const UniqueFd there(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat stat = {};
  if (!there || ::fstat(there.get(), &stat) != 0) return OpenError(errno, quoted);
  if (!S_ISDIR(stat.st_mode) && !S_ISREG(stat.st_mode)) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidPath,
                     fmt::format("{} is {}", quoted, WhatItIs(KindOf(stat.st_mode))),
                     "name a folder, or a file");
  }
  const bool is_file = S_ISREG(stat.st_mode);
  const std::filesystem::path folder = is_file ? path.parent_path() : path;
  UniqueFd root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // One file may lie where nobody may list.
  if (!root && is_file) root.Reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return OpenError(errno, quoted);
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(folder, error);
  return OpenedFolder(std::move(root), error ? folder : real,
                      is_file ? std::optional(path.filename().native()) : std::nullopt);
}

FolderNames OpenedFolder::List(const std::string& folder) const {
  if (!folder.empty() && !IsPlain(folder)) return {.error_number = EXDEV};
  // A symlink that stands in the place of a folder by now is not followed.
  const UniqueFd own =
      OpenBeneathWithoutLinks(root_.get(), folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  if (!own) return {.error_number = errno};
  const int descriptor = ::fcntl(own.get(), F_DUPFD_CLOEXEC, 0);
  const std::unique_ptr<DIR, CloseFolder> stream(descriptor < 0 ? nullptr : ::fdopendir(descriptor));
  if (stream == nullptr) return {.error_number = errno};
  const std::string before = folder.empty() ? std::string() : folder + '/';
  FolderNames names;
  std::vector<std::string> found;
  errno = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has the stream
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") found.emplace_back(name);
    errno = 0;
  }
  if (errno != 0 && errno != ENOENT) return {.error_number = errno};
  std::ranges::sort(found);
  names.entries.reserve(found.size());
  for (const std::string& name : found) {
    std::optional<FolderEntry> entry = EntryOf(own.get(), before + name, name);
    if (!entry && errno != ENOENT) return {.error_number = errno};
    if (entry) names.entries.push_back(*std::move(entry));
  }
  return names;
}

FolderNames OpenedFolder::LookAt(const std::string& name) const {
  if (!IsPlain(name) || name.find('/') != std::string::npos) return {.error_number = EXDEV};
  std::optional<FolderEntry> entry = EntryOf(root_.get(), name, name);
  if (!entry) return {.error_number = errno};
  FolderNames names;
  names.entries.push_back(*std::move(entry));
  return names;
}

// Nothing where there is none any more; errno says why.
std::optional<FolderEntry> OpenedFolder::EntryOf(int folder, const std::string& place,
                                                 const std::string& name) const {
  struct stat stat = {};
  if (::fstatat(folder, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  FolderEntry entry{.name = name, .kind = KindOf(stat.st_mode)};
  if (S_ISLNK(stat.st_mode)) {
    const UniqueFd target = OpenBeneath(root_.get(), path_.native(), place, O_PATH);
    if (!target || ::fstat(target.get(), &stat) != 0) {
      entry.kind = Kind::kDeadLink;
      entry.error_number = errno;
      return entry;
    }
    entry.kind = S_ISDIR(stat.st_mode) ? Kind::kFolderLink : KindOf(stat.st_mode);
  }
  if (entry.kind != Kind::kFile) return entry;
  if (::faccessat(folder, name.c_str(), R_OK, AT_EACCESS) != 0 && errno != ENOENT) {
    entry.kind = Kind::kUnreadable;
    return entry;
  }
  entry.stamp = StampOf(stat);
  return entry;
}

OpenedFolder::Found OpenedFolder::OpenFile(const std::string& place) const {
  if (!IsPlain(place)) return {.error_number = EXDEV};
  Found found{.file = OpenBeneath(root_.get(), path_.native(), place, O_RDONLY)};
  struct stat stat = {};
  if (!found.file || ::fstat(found.file.get(), &stat) != 0) {
    found.error_number = errno;
    found.file.Reset();
    return found;
  }
  found.kind = KindOf(stat.st_mode);
  found.stamp = StampOf(stat);
  if (found.kind != Kind::kFile) found.file.Reset();
  return found;
}

}  // namespace batuta
