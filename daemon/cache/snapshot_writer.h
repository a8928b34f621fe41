#pragma once

#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "common/sync/mutex.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/cache_reader.h"
#include "daemon/cache/layout.h"
#include "daemon/cache/probe.h"
#include "daemon/cache/repo_folders.h"
#include "daemon/cache/same_content.h"
#include "daemon/cache/temp_names.h"

namespace batuta::cache {

// SnapshotWriter puts files into snapshots. Thread-safe.
//
// New links are not synced one by one: what a power cut takes is made again from the blobs. Sync() makes
// those of a snapshot last, before a ref points to it.
class SnapshotWriter {
 public:
  SnapshotWriter(const Layout& layout, FileSystem& files, const CacheReader& reader, TempNames& temp_names,
                 Probe& probe, RepoFolders& folders)
      : layout_(layout),
        files_(files),
        reader_(reader),
        temp_names_(temp_names),
        probe_(probe),
        folders_(folders),
        same_content_(layout, files, reader) {}

  // As Cache::LinkExisting().
  absl::StatusOr<bool> LinkExisting(const RepoId& repo, const CommitId& commit, const Entry& entry);

  // Makes the snapshot's folder when missing and syncs every folder that got an entry since the last time.
  absl::Status Sync(const RepoId& repo, const CommitId& commit);

 private:
  using Path = std::filesystem::path;

  absl::Status MakeWay(const RepoId& repo, const CommitId& commit, const std::vector<Path>& folders);
  absl::Status PutLink(const RepoId& repo, const Entry& entry, const Path& place);
  absl::Status PutCopy(const RepoId& repo, const Path& original, const Path& place);
  absl::Status CheckReplaceable(const Path& place);
  absl::Status NoteChanged(const Path& snapshot, const Path& folder);

  const Layout& layout_;
  FileSystem& files_;
  const CacheReader& reader_;
  TempNames& temp_names_;
  Probe& probe_;
  RepoFolders& folders_;
  SameContent same_content_;
  Mutex mutex_;
  size_t changed_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<Path, std::set<Path>> changed_ ABSL_GUARDED_BY(mutex_);  // snapshot → folders to sync
};

}  // namespace batuta::cache
