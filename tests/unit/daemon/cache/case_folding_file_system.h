#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/daemon/cache/forwarding_file_system.h"

namespace batuta::cache {

// Does not tell letter case apart, as a disk of another operating system: a name finds whatever is there in
// any spelling, and keeps the spelling it was made with.
class CaseFoldingFileSystem final : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  absl::StatusOr<std::unique_ptr<File>> Open(const Path& path, OpenMode mode) override;
  absl::Status Rename(const Path& from, const Path& to) override;
  absl::Status Symlink(const std::string& target, const Path& path) override;
  absl::Status Link(const Path& existing, const Path& path) override;
  absl::Status Remove(const Path& path) override;
  absl::Status MakeFolders(const Path& path) override;
  absl::Status SyncFolder(const Path& path) override;
  absl::StatusOr<std::string> ReadSymlink(const Path& path) override;
  absl::StatusOr<FileInfo> Info(const Path& path) override;
  absl::StatusOr<std::vector<std::string>> List(const Path& folder) override;

 private:
  Path AsSpelled(const Path& path);
};

}  // namespace batuta::cache
