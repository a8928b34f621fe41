#include "common/folder/beneath.h"

#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace batuta {
namespace {

constexpr int kAlways = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr int kMostTries = 16;         // while others rename
constexpr int kMostAbsoluteLinks = 8;  // one after the other

int OpenAt2(int root, const std::string& path, int flags) {
  struct open_how how = {};
  // O_PATH knows no other flags.
  how.flags = static_cast<unsigned>((flags & O_PATH) != 0 ? flags | O_CLOEXEC : flags | kAlways);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0;; ++tries) {
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how));
    if (fd >= 0) return static_cast<int>(fd);
    if (errno != EINTR && (errno != EAGAIN || tries == kMostTries)) return -1;
  }
}

// Where the absolute symlink at `path` leads, below the root; empty: it is none, or leads elsewhere.
std::string BelowRoot(int root, std::string_view root_path, const std::string& path) {
  const UniqueFd link(OpenAt2(root, path, O_PATH | O_NOFOLLOW));
  std::array<char, PATH_MAX> target;
  const ssize_t length = link ? ::readlinkat(link.get(), "", target.data(), target.size()) : -1;
  if (length <= 0 || static_cast<size_t>(length) == target.size()) return {};
  std::string_view rest(target.data(), static_cast<size_t>(length));
  if (!rest.starts_with(root_path)) return {};
  rest.remove_prefix(root_path.size());
  if (!root_path.ends_with('/') && !rest.starts_with('/')) return {};
  const size_t first = rest.find_first_not_of('/');
  return first == std::string_view::npos ? std::string() : std::string(rest.substr(first));
}

}  // namespace

UniqueFd OpenBeneath(int root, std::string_view root_path, const std::string& path, int flags) {
  std::string place = path;
  for (int links = 0; links < kMostAbsoluteLinks; ++links) {
    UniqueFd fd(OpenAt2(root, place, flags));
    if (fd) return fd;
    // A sandbox that does not know the call refuses it.
    if (errno == ENOSYS || errno == EPERM) return OpenBeneathWithoutLinks(root, path, flags);
    if (errno != EXDEV) return fd;
    place = BelowRoot(root, root_path, place);
    if (place.empty()) break;
  }
  errno = EXDEV;
  return UniqueFd();
}

UniqueFd OpenBeneathWithoutLinks(int root, const std::string& path, int flags) {
  UniqueFd folder;
  size_t begin = 0;
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', begin)) {
    const std::string name = path.substr(begin, slash - begin);
    UniqueFd next(
        ::openat(folder ? folder.get() : root, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return next;
    folder = std::move(next);
    begin = slash + 1;
  }
  UniqueFd file(::openat(folder ? folder.get() : root, path.c_str() + begin, flags | O_NOFOLLOW | kAlways));
  struct stat stat = {};
  if (file && (flags & O_PATH) != 0 && ::fstat(file.get(), &stat) == 0 && S_ISLNK(stat.st_mode)) {
    file.Reset();
    errno = ELOOP;
  }
  return file;
}

}  // namespace batuta
