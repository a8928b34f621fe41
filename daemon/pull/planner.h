#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "daemon/cache/cache.h"
#include "daemon/hub/hub_client.h"
#include "daemon/pull/fitter.h"
#include "daemon/pull/pull_request.h"
#include "daemon/pull/review.h"

namespace batuta::pull {

struct PlannedFile {
  enum class Action { kDownload, kCached, kSkip };

  Entry entry;
  Action action = Action::kDownload;
  std::string reason;        // why it is skipped
  std::string warning = {};  // what is said against it, and was admitted
};

struct PullPlan {
  CommitId commit;
  std::filesystem::path snapshot_path;
  std::vector<PlannedFile> files;  // in the order of the tree
  bool has_listing = true;         // false: `files` are those that are there, and the commit may have others
  bool tree_is_new = false;        // came from the hub: the cache should keep it
  Tree tree;                       // filled when tree_is_new

  // When the hub said that the revision stands at `commit`, if it was not asked; empty for a commit as well.
  std::optional<WallTime> as_of = {};

  // The variant that was chosen because it fits, and all that was weighed; null when it was not asked for, or
  // was chosen before.
  std::optional<VariantChoice> choice = {};
  std::shared_ptr<const FitReport> fit = nullptr;

  // What there is to say of the repo before anything of it is fetched; null when nothing would be, or nobody
  // looks.
  std::shared_ptr<const Review> review = nullptr;
};

// Is something to be fetched?
bool TakesAny(const PullPlan& plan);

struct PlannerOptions {
  bool offline = false;  // every pull is answered from the cache
};

// Planner turns a request into a plan: revision → commit → tree → variant that fits, where that is asked for
// → selection → what is there already. The hub is asked for nothing that the cache can answer, and its client
// remembers the rest: a commit whose tree is known costs no request at all. Where something would be fetched,
// the hub's own scanners are asked for their opinion of it, by one request at most; a plan with files to
// which they object, and which the caller does not admit, is none.
//
// Lives on the core sequence; disk work runs on the disk pool.
class Planner {
 public:
  // Everything borrowed outlives the planner. Null for `reviewer`: nobody looks at names; for `fitter`:
  // nothing is known to fit.
  Planner(PlannerOptions options, hub::HubClient& hub, cache::Cache& cache, Sequence& core, WorkerPool& disk,
          Reviewer* reviewer = nullptr, Fitter* fitter = nullptr);
  ~Planner();

  // One try; `done` runs on the core sequence, exactly once. Errors: those of HubClient, Cache, Reviewer,
  // Fitter and PlanSelection (with the hint of NameConversion), kNotFound (OFFLINE_MISS), and
  // kFailedPrecondition (NO_VARIANT_FITS). Refuses no name: see Judge().
  void Plan(const PullRequest& request, const hub::Access& access, hub::Callback<PullPlan> done);

  // What such a pull would choose, `request.fit` being there, and why; whatever the name may be mistaken for.
  // Offline also from what the hub's client remembers. Errors: as Plan(), but that nothing fits is none.
  void Fit(const PullRequest& request, const hub::Access& access, hub::Callback<FitReport> done);

 private:
  struct Shared;
  const std::unique_ptr<Shared> shared_;  // the flows refer to it: the planner outlives every callback
};

}  // namespace batuta::pull
