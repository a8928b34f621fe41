#include "daemon/push/file_bytes.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::push {

FileStamp StampOf(const struct stat& stat) {
  constexpr int64_t kNanos = 1'000'000'000;
  return {.device = stat.st_dev,
          .inode = stat.st_ino,
          .size_bytes = static_cast<uint64_t>(stat.st_size),
          .modified_ns = stat.st_mtim.tv_sec * kNanos + stat.st_mtim.tv_nsec,
          .changed_ns = stat.st_ctim.tv_sec * kNanos + stat.st_ctim.tv_nsec};
}

absl::Status FileChangedError(const RepoPath& path, std::string_view how) {
  return MakeError(absl::StatusCode::kAborted, reason::kFileChanged,
                   fmt::format("{} {}", Quoted(path.text()), how),
                   "push again when nothing writes to the folder any more");
}

FileBytes::FileBytes(UniqueFd descriptor, LocalFile file)
    : descriptor_(std::move(descriptor)), file_(std::move(file)) {}

absl::Status FileBytes::Read(uint64_t offset, std::span<char> out) {
  RETURN_IF_ERROR(ReadAll(offset, out));
  return CheckUnchanged();
}

absl::Status FileBytes::ReadAll(uint64_t offset, std::span<char> out) {
  while (!out.empty()) {
    const ssize_t count = ::pread(descriptor_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(errno, fmt::format("read {}", Quoted(file_.path.text())));
    if (count == 0) return FileChangedError(file_.path, "became shorter while it was read");
    out = out.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return absl::OkStatus();
}

absl::Status FileBytes::CheckUnchanged() const {
  struct stat stat = {};
  if (::fstat(descriptor_.get(), &stat) != 0) {
    return ErrnoError(errno, fmt::format("look at {}", Quoted(file_.path.text())));
  }
  if (StampOf(stat) != file_.stamp) return FileChangedError(file_.path, "changed while it was read");
  return absl::OkStatus();
}

}  // namespace batuta::push
