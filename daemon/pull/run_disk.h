#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/cache/cache.h"
#include "daemon/cache/space_ledger.h"
#include "daemon/entitlement/admission.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/inventory/inventory.h"
#include "daemon/pull/commit_files.h"
#include "daemon/pull/planner.h"
#include "daemon/pull/review.h"
#include "daemon/pull/sparse_bytes.h"

// What a run does on the disk pool.
namespace batuta::pull {

// Holds what outlives the run object when it is dropped while a task is under way.
struct Disk {
  cache::Cache& cache;
  cache::SpaceLedger& space;
  inventory::Inventory* inventory;
  cache::VerifiedFiles* verified;
  Reviewer* reviewer;
  std::shared_ptr<guard::PullGuard> guard;  // null: everything may come in
  std::shared_ptr<CommitFiles> files;       // there with the guard; used by one task at a time
  RepoId repo;
  Revision revision;
  Principal who;
  const entitlement::Admission* admission;           // null: every repo shares its blobs
  std::shared_ptr<const std::atomic<bool>> is_over;  // the run
};

// A file that may not stand in the snapshot, by its position in the plan, and why.
using RefusedFile = std::pair<size_t, absl::Status>;

// What a plan leaves to do, as positions in its files.
struct Work {
  std::vector<size_t> linked;               // were in the cache, now stand in the snapshot
  std::vector<RefusedFile> refused;         // are in the cache, and may not be used
  std::vector<std::vector<size_t>> groups;  // files to move, grouped by blob: one transfer serves a group

  // Are in the cache and speak of files that are on their way: judged, and linked, when these are here.
  std::vector<std::vector<size_t>> held_back;
  std::vector<uint64_t> unwritten_bytes;  // of each group, not on the disk yet
  uint64_t needed_bytes = 0;              // of all of them
};

// Stores the listing, links what the cache has under another name, commit or repo already, and groups the
// rest by blob. The listing comes first: by it the Python library tells a snapshot that is not complete yet,
// and the cache finds equal bytes where there are no symlinks.
absl::StatusOr<Work> LinkAndMeasure(const Disk& disk, const PullPlan& plan);

// A group whose blob is there, on its way into the snapshot. A file that speaks of others, as an index speaks
// of its shards, stands there when it was held against them, and not before.
struct LinkTask {
  size_t group = 0;
  std::vector<size_t> files;
  std::optional<RepoId> elsewhere;  // the repo that has the blob, when it is another one
  bool is_last_try = false;         // nothing else is on its way
  bool must_move = false;           // the one elsewhere cannot be used
  bool must_wait = false;           // for the files that it speaks of
  absl::Status result;
};

// What was fetched of a blob before its transfer.
struct Seed {
  size_t group = 0;
  Entry entry;
  std::shared_ptr<const SparseBytes> bytes;
  uint64_t kept_bytes = 0;  // that the transfer need not fetch again
};

// Puts them where the transfer goes on from. What cannot be kept is fetched again.
void Sow(const Disk& disk, Seed* seed);

void Link(const Disk& disk, const PullPlan& plan, LinkTask* task);

// Every file stands: the ref, and the selection, which what the inventory cannot keep is found again in the
// tree. `label` names it unless the plan has chosen a variant.
absl::Status PutUp(const Disk& disk, const PullPlan& plan, const std::string& label, bool is_new);

}  // namespace batuta::pull
