#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/cache.h"
#include "daemon/dependency/dependency.h"
#include "daemon/inventory/leases.h"
#include "daemon/inventory/pins.h"
#include "daemon/inventory/selections.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::inventory {

struct Snapshot {
  CommitId commit;
  std::vector<std::string> refs;
  WallTime modified;       // of its folder
  WallTime last_modified;  // of its files
  std::vector<dependency::Dependency> needs;
  std::vector<Selection> selections;  // none: the folder holds no file
};

// One repo as it was last surveyed. Immutable.
struct Repo {
  RepoId repo;
  std::string fingerprint;
  std::vector<Snapshot> snapshots;
  std::vector<cache::LooseFile> loose;
  std::vector<std::string> warnings;  // what looks wrong in it
};

using Repos = std::vector<std::shared_ptr<const Repo>>;  // in the order of their ids

// Inventory knows what the cache holds, as selections, whoever put it there: the tree is the truth, surveyed
// repo by repo; the catalog adds what pulls asked for and when each selection was used last.
//
// Life: Rescan() at start, RefreshChanged() now and then and before a decision, Refresh() when a repo is
// known to have changed. Thread-safe; the first block below runs on the disk pool, the second never blocks.
class Inventory {
 public:
  // Everything borrowed outlives the inventory.
  Inventory(cache::Cache& cache, metadata::MetadataStore& store, Pins& pins, const Clock& clock)
      : cache_(cache), store_(store), pins_(pins), clock_(clock) {}

  // Surveys every repo anew and forgets those that are gone. A repo that cannot be read keeps its last state.
  //   Errors: those of listing the root; of the catalog.
  absl::Status Rescan();

  // The same for those repos whose fingerprint has changed, that are new, or that are gone.
  absl::Status RefreshChanged();

  // Surveys one repo. True when it is not as it was: other files, or a later access.
  absl::StatusOr<bool> Refresh(const RepoId& repo);

  // What a pull asked for is complete: remembers it as a selection, used now. `is_new`: files came in, or
  // were linked; else a selection that is known is only touched.
  absl::Status RecordPull(const RepoId& repo, const CommitId& commit, std::string label,
                          std::vector<std::string> paths, bool is_new = true);

  // Forgets the records of a selection, before it is removed.
  absl::Status Forget(const RepoId& repo, const CommitId& commit, const std::string& selection);

  // A use of the snapshot, or of one file of it, now.
  absl::Status Touch(const RepoId& repo, const CommitId& commit, const std::optional<std::string>& path);

  // --- never blocking ---

  Repos All() const;

  // Nothing when the repo is not in the cache.
  std::shared_ptr<const Repo> Find(const RepoId& repo) const;

  // What looked wrong, of some repos or (when empty) everywhere. For people.
  std::vector<std::string> Warnings(const std::vector<RepoId>& only) const;

  // When the selection was used last: as recorded, or as its files' access times say.
  WallTime LastAccess(const RepoId& repo, const Snapshot& snapshot, const Selection& selection) const;

  Pins& pins() { return pins_; }

  Leases& leases() { return leases_; }

 private:
  using Accesses = std::map<std::string, WallTime, std::less<>>;  // by key of the catalog

  absl::StatusOr<std::vector<PulledSelection>> PulledOf(const RepoId& repo, const CommitId& commit);
  absl::StatusOr<std::shared_ptr<const Repo>> SurveyNow(const RepoId& repo, const Repo* before);
  std::vector<dependency::Dependency> NeedsOf(const RepoId& repo, const cache::SurveyedSnapshot& snapshot);
  absl::Status LoadAccesses();
  absl::Status Update(bool only_changed);

  cache::Cache& cache_;
  metadata::MetadataStore& store_;
  Pins& pins_;
  const Clock& clock_;
  Leases leases_;
  mutable Mutex mutex_;
  bool has_accesses_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<RepoId, std::shared_ptr<const Repo>> repos_ ABSL_GUARDED_BY(mutex_);
  std::map<RepoId, std::string> unreadable_ ABSL_GUARDED_BY(mutex_);  // why
  std::vector<std::string> strays_ ABSL_GUARDED_BY(mutex_);           // names at the root
  Accesses accesses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::inventory
