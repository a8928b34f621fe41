#include "daemon/push/local_folder.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::push {
namespace {

class LocalBytes final : public FileBytes {
 public:
  LocalBytes(UniqueFd descriptor, LocalFile file)
      : FileBytes(std::move(file)), descriptor_(std::move(descriptor)) {}

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    RETURN_IF_ERROR(ReadAll(offset, out));
    return CheckUnchanged();
  }

  absl::StatusOr<size_t> ReadAtOnce(uint64_t offset, std::span<char> out) override {
    const iovec place = {.iov_base = out.data(), .iov_len = out.size()};
    const ssize_t count = ::preadv2(descriptor_.get(), &place, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (count <= 0)
      return size_t{0};  // not in memory, not on this file system, at the end: Read() tells what it is
    RETURN_IF_ERROR(CheckUnchanged());
    return static_cast<size_t>(count);
  }

  absl::Status CheckUnchanged() const override {
    struct stat stat = {};
    if (::fstat(descriptor_.get(), &stat) != 0) {
      return ErrnoError(errno, fmt::format("look at {}", Quoted(path().text())));
    }
    if (StampOf(stat) != stamp()) return FileChangedError(path(), "changed while it was read");
    return absl::OkStatus();
  }

  void ExpectAll() override { ::posix_fadvise(descriptor_.get(), 0, 0, POSIX_FADV_SEQUENTIAL); }

 private:
  absl::Status ReadAll(uint64_t offset, std::span<char> out) {
    while (!out.empty()) {
      const ssize_t count = ::pread(descriptor_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ErrnoError(errno, fmt::format("read {}", Quoted(path().text())));
      if (count == 0) return FileChangedError(path(), "became shorter while it was read");
      out = out.subspan(static_cast<size_t>(count));
      offset += static_cast<uint64_t>(count);
    }
    return absl::OkStatus();
  }

  const UniqueFd descriptor_;
};

}  // namespace

LocalFolder::LocalFolder(OpenedFolder folder)
    : Folder(folder.path(), folder.only_file(), ""), folder_(std::move(folder)) {}

absl::StatusOr<std::shared_ptr<const LocalFolder>> LocalFolder::Open(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(OpenedFolder folder, OpenedFolder::Open(path));
  return std::make_shared<const LocalFolder>(std::move(folder));
}

absl::StatusOr<FolderNames> LocalFolder::List(const std::string& folder) const {
  return folder_.List(folder);
}

absl::StatusOr<FolderNames> LocalFolder::LookAt(const std::string& name) const {
  return folder_.LookAt(name);
}

absl::StatusOr<Folder::Found> LocalFolder::Open(const std::string& place, const RepoPath& path) const {
  OpenedFolder::Found found = folder_.OpenFile(place);
  Found result{.error_number = found.error_number, .kind = found.kind};
  if (found.file) {
    result.bytes =
        std::make_unique<LocalBytes>(std::move(found.file), LocalFile{.path = path, .stamp = found.stamp});
  }
  return result;
}

}  // namespace batuta::push
