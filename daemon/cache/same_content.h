#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/sync/mutex.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache_reader.h"
#include "daemon/cache/layout.h"

namespace batuta::cache {

// Where there are no symlinks, blobs are moved into snapshots, so the same bytes wanted in a second place
// must be found there. SameContent finds them by the stored listings (`trees/`). Thread-safe.
class SameContent {
 public:
  SameContent(const Layout& layout, FileSystem& files, const CacheReader& reader)
      : layout_(layout), files_(files), reader_(reader) {}

  // A regular file in some snapshot of the repo that is this blob, by the listing of its commit and by its
  // size.
  absl::StatusOr<std::optional<std::filesystem::path>> Find(const RepoId& repo, const BlobId& blob,
                                                            uint64_t size_bytes);

 private:
  // The entries of one listing in the order of their blobs.
  using Index = std::vector<Entry>;

  absl::StatusOr<std::shared_ptr<const Index>> IndexOf(const RepoId& repo, const CommitId& commit);

  const Layout& layout_;
  FileSystem& files_;
  const CacheReader& reader_;
  Mutex mutex_;
  // The listings used last; a commit's listing never changes. Few, as they are large.
  std::map<std::filesystem::path, std::shared_ptr<const Index>> indices_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::cache
