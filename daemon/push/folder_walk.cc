#include "daemon/push/folder_walk.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/push/beneath.h"
#include "daemon/push/ignore_rules.h"

namespace batuta::push {
namespace {

constexpr uint64_t kMostIgnoreFileBytes = 1 << 20;
constexpr size_t kMostObjections = 1'000;
constexpr std::string_view kIgnoreIt = "take it away, or name it in a .batutaignore";

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// One name in a folder.
struct Name {
  std::string text;
  unsigned char type = DT_UNKNOWN;
};

std::string WhatItIs(mode_t mode) {
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "no regular file";
}

std::string WhyNotFollowed(int error_number) {
  switch (error_number) {
    case EXDEV:
      return "is a symlink that leads out of the folder: put the file itself in its place, or name the link "
             "in a .batutaignore";
    case ENOENT:
    case ENOTDIR:
      return fmt::format("is a symlink that leads nowhere: {}", kIgnoreIt);
    case ELOOP:
      return fmt::format("is a symlink that cannot be followed to its end: {}", kIgnoreIt);
    default:
      return fmt::format("is a symlink that cannot be followed ({}): {}",
                         MessageOf(ErrnoError(error_number, "open")), kIgnoreIt);
  }
}

// One walk through a folder. What is met stands in the listing in the end.
class FolderWalk {
 public:
  FolderWalk(int root, std::string_view root_path, uint64_t most_files)
      : root_(root), root_path_(root_path), most_files_(most_files) {}

  absl::Status Take(int folder, const std::string& path) {
    ASSIGN_OR_RETURN(const std::vector<Name> names, NamesIn(folder, path));
    rules_.Enter(path);
    ReadIgnoreFiles(path, names);
    const std::string before = path.empty() ? std::string() : path + '/';
    for (const Name& name : names) {
      if (is_full_) break;
      RETURN_IF_ERROR(TakeName(folder, before + name.text, name));
    }
    rules_.Leave();
    return absl::OkStatus();
  }

  // The one file that is pushed, whatever rules there are.
  absl::Status TakeOnly(const std::string& name) { return TakeFile(root_, name, name, /*is_named=*/true); }

  FolderListing Listing() && {
    const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
    std::sort(listing_.files.begin(), listing_.files.end(), by_path);
    std::sort(listing_.ignored.begin(), listing_.ignored.end(), by_path);
    std::stable_sort(listing_.objections.begin(), listing_.objections.end(), by_path);
    return std::move(listing_);
  }

 private:
  void Object(std::string_view path, std::string why) {
    if (listing_.objections.size() < kMostObjections) {
      listing_.objections.push_back({.path = Printable(path), .why = std::move(why)});
      return;
    }
    is_full_ = true;
    listing_.objections.push_back({.path = "", .why = "there is more that cannot be pushed; this is enough"});
  }

  // What vanished since it was seen is not there, which is no problem; what cannot be read is one.
  absl::StatusOr<std::vector<Name>> NamesIn(int folder, const std::string& path) {
    const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, CloseFolder> stream(own < 0 ? nullptr : ::fdopendir(own));
    std::vector<Name> names;
    errno = own < 0 ? errno : 0;
    while (stream != nullptr) {
      // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has the stream
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.push_back({.text = std::string(name), .type = entry->d_type});
    }
    if (errno != 0 && errno != ENOENT) return ErrnoError(errno, fmt::format("list {}", Quoted(path)));
    std::sort(names.begin(), names.end(), [](const Name& a, const Name& b) { return a.text < b.text; });
    return names;
  }

  void ReadIgnoreFiles(const std::string& folder, const std::vector<Name>& names) {
    for (const std::string_view file : kIgnoreFiles) {
      const auto is_it = [&](const Name& name) { return name.text == file; };
      if (std::none_of(names.begin(), names.end(), is_it)) continue;
      const std::string path = folder.empty() ? std::string(file) : fmt::format("{}/{}", folder, file);
      std::string text;
      if (const std::string why = ReadIgnoreFile(path, text); !why.empty()) {
        // What it leaves out would be pushed.
        Object(path, fmt::format("cannot be read, so that nobody knows what to ignore: {}", why));
        continue;
      }
      rules_.Add(file, text);
    }
  }

  // Why not; empty: it is in `text`.
  std::string ReadIgnoreFile(const std::string& path, std::string& text) const {
    const UniqueFd file = OpenBeneath(root_, root_path_, path, O_RDONLY);
    struct stat stat = {};
    if (!file || ::fstat(file.get(), &stat) != 0) return std::string(MessageOf(ErrnoError(errno, "open")));
    if (S_ISDIR(stat.st_mode)) return {};  // that is no ignore file
    if (!S_ISREG(stat.st_mode)) return WhatItIs(stat.st_mode);
    text.resize(kMostIgnoreFileBytes + 1);
    size_t filled = 0;
    while (filled < text.size()) {
      const ssize_t count =
          ::pread(file.get(), text.data() + filled, text.size() - filled, static_cast<off_t>(filled));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return std::string(MessageOf(ErrnoError(errno, "read")));
      if (count == 0) break;
      filled += static_cast<size_t>(count);
    }
    if (filled > kMostIgnoreFileBytes) return "it is larger than a megabyte";
    text.resize(filled);
    return {};
  }

  absl::Status TakeName(int folder, const std::string& path, const Name& name) {
    unsigned char type = name.type;
    if (type == DT_UNKNOWN) {
      struct stat stat = {};
      if (::fstatat(folder, name.text.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) return absl::OkStatus();
      type = S_ISDIR(stat.st_mode) ? DT_DIR : DT_REG;  // anything that is no folder
    }
    const bool is_folder = type == DT_DIR;
    if (std::optional<std::string> why = rules_.WhyIgnored(name.text, is_folder)) {
      Ignore(Printable(path) + (is_folder ? "/" : ""), *std::move(why));
      return absl::OkStatus();
    }
    return is_folder ? TakeFolder(folder, path, name.text)
                     : TakeFile(folder, path, name.text, /*is_named=*/false);
  }

  void Ignore(std::string path, std::string why) {
    if (listing_.ignored.size() == kMostListedIgnored) {
      ++listing_.ignored_left_out;
    } else {
      listing_.ignored.push_back({.path = std::move(path), .why = std::move(why)});
    }
  }

  absl::Status TakeFolder(int folder, const std::string& path, const std::string& name) {
    if (!PathInRepo(path).has_value()) return absl::OkStatus();
    const UniqueFd inner(
        ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (inner) return Take(inner.get(), path);
    switch (errno) {
      case ENOENT:
        break;
      case EACCES:
        Object(path, fmt::format("may not be read: {}", kIgnoreIt));
        break;
      case ENOTDIR:
      case ELOOP:
        Object(path, "was a folder a moment ago: push again when nothing writes to it any more");
        break;
      default:
        return ErrnoError(errno, fmt::format("open {}", Quoted(path)));
    }
    return absl::OkStatus();
  }

  // Nothing where no repo can have a file of that name, which is an objection.
  std::optional<RepoPath> PathInRepo(const std::string& path) {
    absl::StatusOr<RepoPath> parsed = RepoPath::Parse(path);
    if (parsed.ok()) return *std::move(parsed);
    Object(path, fmt::format("{}: rename it, or name it in a .batutaignore", MessageOf(parsed.status())));
    return std::nullopt;
  }

  absl::Status TakeFile(int folder, const std::string& path, const std::string& name, bool is_named) {
    struct stat stat = {};
    if (::fstatat(folder, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT && !is_named) return absl::OkStatus();
      return ErrnoError(errno, fmt::format("look at {}", Quoted(path)));
    }
    std::optional<RepoPath> in_repo = PathInRepo(path);
    if (!in_repo.has_value()) return absl::OkStatus();
    if (S_ISLNK(stat.st_mode)) {
      const UniqueFd target = OpenBeneath(root_, root_path_, path, O_PATH);
      if (!target || ::fstat(target.get(), &stat) != 0) {
        Object(path, WhyNotFollowed(errno));
        return absl::OkStatus();
      }
      if (S_ISDIR(stat.st_mode)) {
        Object(path,
               "is a symlink to a folder: put the folder itself in its place, or name the link in a "
               ".batutaignore");
        return absl::OkStatus();
      }
    }
    if (!S_ISREG(stat.st_mode)) {
      Object(path, fmt::format("is {}, not a file: {}", WhatItIs(stat.st_mode), kIgnoreIt));
    } else if (::faccessat(folder, name.c_str(), R_OK, AT_EACCESS) != 0 && errno != ENOENT) {
      Object(path, fmt::format("may not be read: {}", kIgnoreIt));
    } else {
      Add(*std::move(in_repo), StampOf(stat));
    }
    return absl::OkStatus();
  }

  void Add(RepoPath path, const FileStamp& stamp) {
    if (listing_.files.size() == most_files_) {
      Object("", fmt::format("there are more than {} files: pack them into archives", most_files_));
      is_full_ = true;
      return;
    }
    listing_.files.push_back({.path = std::move(path), .stamp = stamp});
  }

  const int root_;
  const std::string_view root_path_;
  const uint64_t most_files_;
  IgnoreRules rules_;
  FolderListing listing_;
  bool is_full_ = false;  // enough is known
};

}  // namespace

LocalFolder::LocalFolder(UniqueFd root, std::filesystem::path path, std::optional<std::string> only_file)
    : root_(std::move(root)), path_(std::move(path)), only_file_(std::move(only_file)) {}

absl::StatusOr<std::shared_ptr<const LocalFolder>> LocalFolder::Open(const std::filesystem::path& path) {
  const std::string quoted = Quoted(path.native());
  const auto error_of = [&quoted](int error_number) {
    if (error_number == ENOENT || error_number == ENOTDIR) {
      return MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound, fmt::format("no {}", quoted),
                       "name a folder, or a file");
    }
    if (error_number == EACCES || error_number == EPERM) {
      return MakeError(absl::StatusCode::kPermissionDenied, reason::kNotPermitted,
                       fmt::format("{} may not be read", quoted), "change its permissions");
    }
    return ErrnoError(error_number, fmt::format("open {}", quoted));
  };
  if (!path.is_absolute()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidPath,
                     fmt::format("{} is not absolute", quoted), "name it from the root on");
  }
  const UniqueFd there(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat stat = {};
  if (!there || ::fstat(there.get(), &stat) != 0) return error_of(errno);
  if (!S_ISDIR(stat.st_mode) && !S_ISREG(stat.st_mode)) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidPath,
                     fmt::format("{} is {}", quoted, WhatItIs(stat.st_mode)), "name a folder, or a file");
  }
  const bool is_file = S_ISREG(stat.st_mode);
  const std::filesystem::path folder = is_file ? path.parent_path() : path;
  UniqueFd root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // One file may lie where nobody may list.
  if (!root && is_file) root.Reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return error_of(errno);
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(folder, error);
  return std::make_shared<const LocalFolder>(
      std::move(root), error ? folder : real,
      is_file ? std::optional(path.filename().native()) : std::nullopt);
}

absl::StatusOr<FolderListing> LocalFolder::Walk(uint64_t most_files) const {
  FolderWalk walk(root_.get(), path_.native(), most_files);
  RETURN_IF_ERROR(only_file_.has_value() ? walk.TakeOnly(*only_file_) : walk.Take(root_.get(), ""));
  FolderListing listing = std::move(walk).Listing();
  listing.is_one_file = only_file_.has_value();
  return listing;
}

absl::StatusOr<std::unique_ptr<FileBytes>> LocalFolder::OpenFile(const LocalFile& file) const {
  UniqueFd descriptor = OpenBeneath(root_.get(), path_.native(), file.path.text(), O_RDONLY);
  if (!descriptor) {
    switch (errno) {
      case ENOENT:
      case ENOTDIR:
        return FileChangedError(file.path, "is gone");
      case EXDEV:
      case ELOOP:
      case ENXIO:
        return FileChangedError(file.path, "is another file than before");
      default:
        return ErrnoError(errno, fmt::format("open {}", Quoted(file.path.text())));
    }
  }
  struct stat stat = {};
  if (::fstat(descriptor.get(), &stat) != 0) {
    return ErrnoError(errno, fmt::format("look at {}", Quoted(file.path.text())));
  }
  if (!S_ISREG(stat.st_mode) || StampOf(stat) != file.stamp) {
    return FileChangedError(file.path, "is not as it was when the folder was read");
  }
  return std::make_unique<FileBytes>(std::move(descriptor), file);
}

absl::StatusOr<std::unique_ptr<FileBytes>> LocalFolder::FindFile(const RepoPath& path) const {
  return Find(path.text(), path);
}

absl::StatusOr<std::unique_ptr<FileBytes>> LocalFolder::FindGitFile(const RepoPath& path) const {
  return Find(".git/" + path.text(), path);
}

absl::StatusOr<std::unique_ptr<FileBytes>> LocalFolder::Find(const std::string& place,
                                                             const RepoPath& path) const {
  UniqueFd descriptor = OpenBeneath(root_.get(), path_.native(), place, O_RDONLY);
  struct stat stat = {};
  if (!descriptor) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EXDEV || errno == ELOOP || errno == ENXIO) {
      return nullptr;
    }
    if (errno == EACCES) {
      return MakeError(absl::StatusCode::kPermissionDenied, reason::kNotPermitted,
                       fmt::format("{} may not be read", Quoted(path.text())), "change its permissions");
    }
  }
  if (!descriptor || ::fstat(descriptor.get(), &stat) != 0) {
    return ErrnoError(errno, fmt::format("open {}", Quoted(path.text())));
  }
  if (!S_ISREG(stat.st_mode)) return nullptr;
  return std::make_unique<FileBytes>(std::move(descriptor), LocalFile{.path = path, .stamp = StampOf(stat)});
}

}  // namespace batuta::push
