#pragma once

#include <atomic>
#include <functional>
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
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/cache.h"
#include "daemon/dependency/dependency.h"
#include "daemon/inventory/hub_facts.h"
#include "daemon/inventory/leases.h"
#include "daemon/inventory/pins.h"
#include "daemon/inventory/repo.h"
#include "daemon/inventory/selections.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::inventory {

using Repos = std::vector<std::shared_ptr<const Repo>>;  // in the order of their ids

// Inventory knows what the cache holds, as selections, whoever put it there: the tree is the truth, surveyed
// repo by repo; the catalog adds what pulls asked for and when each selection was used last. It keeps the
// surveys as well, so that a start goes only through those repos that have changed meanwhile.
//
// Life: RefreshChanged() at start, now and then, and before a decision; Refresh() when a repo is known to
// have changed. Thread-safe; the first block below runs on the disk pool, the second never blocks. Whatever
// comes first of the first block loads what the catalog has, and the others wait for that; until then the
// second block knows of nothing.
class Inventory {
 public:
  // Everything borrowed outlives the inventory.
  Inventory(cache::Cache& cache, metadata::MetadataStore& store, Pins& pins, const Clock& clock)
      : cache_(cache), store_(store), pins_(pins), clock_(clock), hub_facts_(store) {}

  // Surveys every repo anew, whatever was known of it, and forgets those that are gone. A repo that cannot be
  // read keeps its last state.
  //   Errors: those of listing the root; of the catalog.
  absl::Status Rescan();

  // The same for those repos that have changed (see cache::IsAsStamped()), that are new, or that are gone. A
  // call during another waits for it.
  absl::Status RefreshChanged();

  // Surveys one repo. True when it is not as it was: other files, or a later access.
  absl::StatusOr<bool> Refresh(const RepoId& repo);

  // What a pull asked for is complete: remembers it as a selection, used now. `is_new`: files came in, or
  // were linked; else a selection that is known is only touched. `why` see PulledSelection; "" leaves what
  // was remembered of that.
  absl::Status RecordPull(const RepoId& repo, const CommitId& commit, std::string label,
                          std::vector<std::string> paths, bool is_new = true, std::string why = {});

  // Before the daemon itself writes to the repo: takes note of what others have written until now.
  void NoteOthersWrites(const RepoId& repo);

  // What was written to the repo since then, up to its latest survey, was our own doing.
  void NoteOwnWrites(const RepoId& repo);

  // When another program last wrote to the repo, given when anybody did (see cache::LastWrite()). As far as
  // is known: what the daemon wrote before it was started last is not told apart, nor is what others write
  // into a pull of ours.
  WallTime LastWriteByOthers(const RepoId& repo, WallTime written) const;

  // Forgets the records of a selection, before it is removed.
  absl::Status Forget(const RepoId& repo, const CommitId& commit, const std::string& selection);

  // What pulls asked for in that commit, whatever of it is there.
  absl::StatusOr<std::vector<PulledSelection>> PulledOf(const RepoId& repo, const CommitId& commit);

  // A use of the snapshot, or of one file of it, now. The catalog hears of it once a minute.
  absl::Status Touch(const RepoId& repo, const CommitId& commit, const std::optional<std::string>& path);

  // --- never blocking ---

  // A survey of everything ends before its next repo, with DAEMON_STOPPING; there will be no other.
  void Stop() { is_stopping_ = true; }

  Repos All() const;

  // Nothing when the repo is not in the cache.
  std::shared_ptr<const Repo> Find(const RepoId& repo) const;

  // What looked wrong, of some repos or (when empty) everywhere. For people.
  std::vector<std::string> Warnings(const std::vector<RepoId>& only) const;

  // For each entry a repo, other than `but`, that has its blob in a snapshot, as it seems: by BlobMark() and
  // size. Goes through all that is known, once, in memory. Only repos of which `lends` says so; empty: all.
  std::vector<std::optional<RepoId>> HoldersOf(const std::vector<Entry>& entries, const RepoId& but,
                                               const std::function<bool(const RepoId&)>& lends = {}) const;

  // The same, in memory only. False when Touch() is needed: the catalog does not know of the latest minute,
  // or the repo is not known yet.
  bool TouchInMemory(const RepoId& repo, const CommitId& commit, const std::optional<std::string>& path);

  // When the selection was used last: as recorded, or as its files' access times say.
  WallTime LastAccess(const RepoId& repo, const Snapshot& snapshot, const Selection& selection) const;

  Pins& pins() { return pins_; }

  Leases& leases() { return leases_; }

  HubFacts& hub_facts() { return hub_facts_; }

  const HubFacts& hub_facts() const { return hub_facts_; }

 private:
  struct Access {
    WallTime at;
    WallTime kept;  // as the catalog has it
  };

  using Accesses = std::map<std::string, Access, std::less<>>;  // by key of the catalog

  // What is known of a repo.
  struct Known {
    std::shared_ptr<const Repo> repo;  // null: it is gone
    uint64_t survey = 0;               // the number of the survey that saw it so; 0: the catalog said so
    bool is_kept = false;              // the catalog has it so
  };

  absl::Status Load();
  absl::Status Remember(const std::string& key, std::string why, WallTime now, PulledSelection* pulled);
  absl::Status LoadAccesses();
  absl::Status LoadSurveys();
  absl::Status Update(bool only_changed);
  absl::StatusOr<bool> SurveyAgain(const RepoId& repo, const Repo* before);
  absl::StatusOr<std::shared_ptr<const Repo>> SurveyNow(const RepoId& repo, const Repo* before);
  std::vector<dependency::Dependency> NeedsOf(const RepoId& repo, const cache::SurveyedSnapshot& snapshot);
  absl::Status Save(const RepoId& repo);
  void Outdate(const RepoId& repo, metadata::WriteBatch* batch);

  cache::Cache& cache_;
  metadata::MetadataStore& store_;
  Pins& pins_;
  const Clock& clock_;
  Leases leases_;
  HubFacts hub_facts_;

  // Held over disk and catalog, each by whoever does what it names; below `updating_` the others may be
  // taken.
  Mutex updating_;
  Mutex loading_;
  Mutex saving_;
  bool is_loaded_ ABSL_GUARDED_BY(loading_) = false;

  std::atomic<bool> is_stopping_ = false;
  mutable Mutex mutex_;
  uint64_t surveys_ ABSL_GUARDED_BY(mutex_) = 0;  // begun so far
  std::map<RepoId, Known> repos_ ABSL_GUARDED_BY(mutex_);
  std::map<RepoId, std::string> unreadable_ ABSL_GUARDED_BY(mutex_);  // why
  std::vector<std::string> strays_ ABSL_GUARDED_BY(mutex_);           // names at the root
  std::map<RepoId, WallTime> own_writes_ ABSL_GUARDED_BY(mutex_);     // the last of ours
  std::map<RepoId, WallTime> others_writes_ ABSL_GUARDED_BY(mutex_);  // seen before one of ours
  Accesses accesses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::inventory
