#pragma once

#include <filesystem>
#include <utility>

#include "absl/status/status.h"

#include "common/io/file_system.h"
#include "common/sync/mutex.h"
#include "common/types/repo_id.h"
#include "daemon/cache/layout.h"
#include "daemon/cache/readers.h"

namespace batuta::cache {

// RepoFolders makes the folders of repos and decides who may enter them. Thread-safe.
class RepoFolders {
 public:
  // `readers_of` may be empty: then the umask decides, and Apply() does nothing.
  RepoFolders(const Layout& layout, FileSystem& files, ReadersOf readers_of)
      : layout_(layout), files_(files), readers_of_(std::move(readers_of)) {}

  // Makes `path`, which is the repo's folder or lies in it, with the missing folders on the way, durably. A
  // repo's folder that is new is closed before there is anything in it.
  absl::Status Make(const RepoId& repo, const std::filesystem::path& path);

  // Opens and closes the folder to whom readers_of says now. A repo without a folder is no error.
  absl::Status Apply(const RepoId& repo);

  // The root, and every repo in it.
  absl::Status ApplyAll(const std::vector<RepoId>& repos);

 private:
  const Layout& layout_;
  FileSystem& files_;
  const ReadersOf readers_of_;
  Mutex mutex_;  // what was said last is also what is done last
};

}  // namespace batuta::cache
