#include "daemon/push/folder.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/push/folder_walk.h"

namespace batuta::push {

absl::StatusOr<FolderListing> Folder::Walk(uint64_t most_files) const {
  return WalkFolder(*this, most_files);
}

absl::StatusOr<std::unique_ptr<FileBytes>> Folder::OpenFile(const LocalFile& file) const {
  ASSIGN_OR_RETURN(Found found, Open(file.path.text(), file.path));
  switch (found.error_number) {
    case 0:
      break;
    case ENOENT:
    case ENOTDIR:
      return FileChangedError(file.path, "is gone");
    case EXDEV:
    case ELOOP:
    case ENXIO:
      return FileChangedError(file.path, "is another file than before");
    default:
      return ErrnoError(found.error_number, fmt::format("open {}", Quoted(file.path.text())));
  }
  if (found.bytes == nullptr || found.bytes->stamp() != file.stamp) {
    return FileChangedError(file.path, "is not as it was when the folder was read");
  }
  return std::move(found.bytes);
}

absl::StatusOr<std::unique_ptr<FileBytes>> Folder::FindFile(const RepoPath& path) const {
  return Find(path.text(), path);
}

absl::StatusOr<std::unique_ptr<FileBytes>> Folder::FindGitFile(const RepoPath& path) const {
  return Find(".git/" + path.text(), path);
}

absl::StatusOr<std::unique_ptr<FileBytes>> Folder::Find(const std::string& place,
                                                        const RepoPath& path) const {
  ASSIGN_OR_RETURN(Found found, Open(place, path));
  switch (found.error_number) {
    case 0:
      return std::move(found.bytes);
    case ENOENT:
    case ENOTDIR:
    case EXDEV:
    case ELOOP:
    case ENXIO:
      return nullptr;
    case EACCES:
      return MakeError(absl::StatusCode::kPermissionDenied, reason::kNotPermitted,
                       fmt::format("{} may not be read", Quoted(path.text())), "change its permissions");
    default:
      return ErrnoError(found.error_number, fmt::format("open {}", Quoted(path.text())));
  }
}

}  // namespace batuta::push
