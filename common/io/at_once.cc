#include "common/io/at_once.h"

#include <array>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/io/unique_fd.h"

namespace batuta {
namespace {

using Path = std::filesystem::path;

// Only where it is known that open(2) itself asks nobody, no server above all.
std::optional<int> ReadFlagsOn(const Path& folder) {
  struct statfs space {};

  if (::statfs(folder.c_str(), &space) < 0) return std::nullopt;
  switch (space.f_type) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
      return RWF_NOWAIT;
    case TMPFS_MAGIC:  // is memory, and does not know the flag
      return 0;
    default:
      return std::nullopt;
  }
}

// Since Linux 5.12; some sandboxes forbid it.
UniqueFd OpenCached(int folder, const Path& path, uint64_t flags, uint64_t resolve) {
  open_how how{};
  how.flags = flags | uint64_t{O_CLOEXEC};
  how.resolve = RESOLVE_CACHED | resolve;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof(how))));
}

}  // namespace

AtOnce::AtOnce(Path folder) : folder_(std::move(folder)), read_flags_(ReadFlagsOn(folder_)) {}

std::optional<std::string> AtOnce::Read(const Path& below) const {
  if (!read_flags_.has_value()) return std::nullopt;
  const UniqueFd folder = OpenCached(AT_FDCWD, folder_, O_PATH, 0);
  if (!folder) return std::nullopt;
  // A lease of another process, a FIFO, and a note of the access would all be waited for.
  constexpr uint64_t kNotWaiting = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOATIME;
  const UniqueFd file = OpenCached(folder.get(), below, kNotWaiting, RESOLVE_NO_XDEV);
  if (!file) return std::nullopt;
  std::array<char, 4096> bytes{};  // a page: it is there, or it is not
  const iovec buffer{bytes.data(), bytes.size()};
  const ssize_t count = ::preadv2(file.get(), &buffer, 1, 0, *read_flags_);
  if (count < 0 || static_cast<size_t>(count) == bytes.size()) return std::nullopt;
  return std::string(bytes.data(), static_cast<size_t>(count));
}

bool AtOnce::Has(const Path& below) const {
  return static_cast<bool>(OpenCached(AT_FDCWD, folder_ / below, O_PATH, 0));
}

}  // namespace batuta
