#include "client/commands/materialise.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/unique_fd.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/types/repo_path.h"

namespace batuta::client {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlock = 1 << 20;

absl::Status Refuse(std::string_view path, std::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidPath,
                   fmt::format("output {}: {}", Quoted(path), why),
                   "name another folder with --output, or remove what is in the way");
}

absl::Status Failed(std::string_view what, std::string_view path) {
  return ErrnoError(errno, fmt::format("{} {}", what, Quoted(path)));
}

// Opens the folder `name` below `parent`, made when missing, never through a symlink.
absl::StatusOr<UniqueFd> EnterFolder(int parent, const std::string& name, std::string_view shown) {
  if (::mkdirat(parent, name.c_str(), 0777) != 0 && errno != EEXIST) return Failed("make folder", shown);
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  if (errno == ELOOP || errno == ENOTDIR)
    return Refuse(shown, "a symlink or a file stands where a folder is needed");
  return Failed("open folder", shown);
}

// The folder that `path` lies in, opened step by step from `root`.
absl::StatusOr<UniqueFd> EnterParent(int root, const std::string& path) {
  UniqueFd here(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  if (!here) return Failed("open folder", path);
  for (size_t begin = 0, end = path.find('/'); end != std::string::npos;
       begin = end + 1, end = path.find('/', begin)) {
    ASSIGN_OR_RETURN(here, EnterFolder(here.get(), path.substr(begin, end - begin), path.substr(0, end)));
  }
  return here;
}

absl::StatusOr<size_t> ReadBlock(int fd, std::string& block, std::string_view shown) {
  size_t filled = 0;
  while (filled < block.size()) {
    const ssize_t got = ::read(fd, block.data() + filled, block.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", shown);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  return filled;
}

// Do both files, of equal size, hold the same bytes? Reads both from their beginning.
absl::StatusOr<bool> HaveSameBytes(int left, int right, std::string_view shown) {
  std::string left_block(kBlock, '\0');
  std::string right_block(kBlock, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t left_size, ReadBlock(left, left_block, shown));
    ASSIGN_OR_RETURN(const size_t right_size, ReadBlock(right, right_block, shown));
    if (left_size != right_size || std::memcmp(left_block.data(), right_block.data(), left_size) != 0)
      return false;
    if (left_size < kBlock) return true;
  }
}

absl::Status CopyBytes(int from, int to, std::string_view shown) {
  // The kernel moves the bytes where both file systems allow it.
  while (true) {
    const ssize_t moved = ::copy_file_range(from, nullptr, to, nullptr, size_t{1} << 30, 0);
    if (moved == 0) return absl::OkStatus();
    if (moved > 0 || errno == EINTR) continue;
    if (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) break;
    return Failed("write", shown);
  }
  std::string block(kBlock, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t size, ReadBlock(from, block, shown));
    for (size_t done = 0; done < size;) {
      const ssize_t wrote = ::write(to, block.data() + done, size - done);
      if (wrote < 0 && errno != EINTR) return Failed("write", shown);
      if (wrote > 0) done += static_cast<size_t>(wrote);
    }
    if (size < block.size()) return absl::OkStatus();
  }
}

struct Source {
  UniqueFd fd;

  struct stat info {};
};

absl::StatusOr<Source> OpenSource(const fs::path& snapshot, const MaterialiseFile& file) {
  Source source;
  const fs::path path = snapshot / file.path;
  source.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.fd || ::fstat(source.fd.get(), &source.info) != 0) return Failed("open", path.native());
  const auto size = static_cast<uint64_t>(source.info.st_size);
  if (!S_ISREG(source.info.st_mode) || size != file.size_bytes) {
    return MakeError(absl::StatusCode::kDataLoss, reason::kDigestMismatch,
                     fmt::format("cached file {} has {} bytes instead of {}", Quoted(path.native()), size,
                                 file.size_bytes),
                     "pull it again");
  }
  return source;
}

// Writes one file into one folder.
class FileWriter {
 public:
  FileWriter(int folder, std::string name, std::string_view shown, LinkPolicy policy)
      : folder_(folder), name_(std::move(name)), shown_(shown), policy_(policy) {}

  // True when it was written, false when it was there.
  absl::StatusOr<bool> Put(const Source& source, const fs::path& source_path) {
    ASSIGN_OR_RETURN(const bool is_there, IsThere(source));
    if (is_there) return false;
    const std::string temp = fmt::format(".{}.{}.batuta", name_.substr(0, 200), ::getpid());
    ::unlinkat(folder_, temp.c_str(), 0);  // of an earlier process of the same number
    absl::Status status = Fill(source, source_path, temp);
    if (status.ok() && ::renameat(folder_, temp.c_str(), folder_, name_.c_str()) != 0)
      status = Failed("replace", shown_);
    if (!status.ok()) {
      ::unlinkat(folder_, temp.c_str(), 0);
      return status;
    }
    return true;
  }

 private:
  absl::StatusOr<bool> IsThere(const Source& source) const {
    struct stat info {};

    if (::fstatat(folder_, name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? absl::StatusOr<bool>(false) : Failed("look at", shown_);
    }
    if (S_ISLNK(info.st_mode)) return false;
    if (!S_ISREG(info.st_mode)) {
      return MakeError(absl::StatusCode::kFailedPrecondition, reason::kInvalidArgument,
                       fmt::format("output {}: something that is no file stands there", Quoted(shown_)),
                       "name another folder with --output, or remove it");
    }
    if (info.st_dev == source.info.st_dev && info.st_ino == source.info.st_ino)
      return policy_ == LinkPolicy::kHardLink;
    if (info.st_size != source.info.st_size) return false;
    const UniqueFd there(::openat(folder_, name_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!there) return false;  // unreadable: it is replaced
    return HaveSameBytes(there.get(), source.fd.get(), shown_);
  }

  absl::Status Fill(const Source& source, const fs::path& source_path, const std::string& temp) const {
    if (policy_ == LinkPolicy::kHardLink) {
      std::error_code error;
      const fs::path blob = fs::canonical(source_path, error);
      if (!error && ::linkat(AT_FDCWD, blob.c_str(), folder_, temp.c_str(), 0) == 0) return absl::OkStatus();
    }
    const UniqueFd to(
        ::openat(folder_, temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!to) return Failed("make", shown_);
    if (::ioctl(to.get(), FICLONE, source.fd.get()) == 0) return absl::OkStatus();
    // IsThere() may have read from it.
    if (::lseek(source.fd.get(), 0, SEEK_SET) < 0) return Failed("rewind", shown_);
    RETURN_IF_ERROR(CopyBytes(source.fd.get(), to.get(), shown_));

    struct stat info {};

    if (::fstat(to.get(), &info) != 0) return Failed("look at", shown_);
    if (info.st_size == source.info.st_size) return absl::OkStatus();
    return MakeError(absl::StatusCode::kDataLoss, reason::kDigestMismatch,
                     fmt::format("output {}: {} bytes arrived instead of {}", Quoted(shown_), info.st_size,
                                 source.info.st_size));
  }

  int folder_;
  std::string name_;
  std::string_view shown_;
  LinkPolicy policy_;
};

}  // namespace

absl::StatusOr<Materialised> Materialise(const fs::path& snapshot, const std::vector<MaterialiseFile>& files,
                                         const fs::path& folder, LinkPolicy policy) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error && !fs::is_directory(folder)) {
    return ErrnoError(error.value(), fmt::format("make folder {}", Quoted(folder.native())));
  }
  // The folder itself is the user's word and may be a symlink; below it none is followed.
  const UniqueFd root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Failed("open folder", folder.native());
  Materialised result;
  for (const MaterialiseFile& file : files) {
    RETURN_IF_ERROR(RepoPath::Parse(file.path).status());
    ASSIGN_OR_RETURN(const Source source, OpenSource(snapshot, file));
    ASSIGN_OR_RETURN(const UniqueFd parent, EnterParent(root.get(), file.path));
    const fs::path shown = folder / file.path;
    FileWriter writer(parent.get(), shown.filename().native(), shown.native(), policy);
    ASSIGN_OR_RETURN(const bool was_written, writer.Put(source, snapshot / file.path));
    ++(was_written ? result.files_written : result.files_unchanged);
  }
  return result;
}

}  // namespace batuta::client
