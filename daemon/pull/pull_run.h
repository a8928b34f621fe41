#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "daemon/cache/space_ledger.h"
#include "daemon/entitlement/admission.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/inventory/inventory.h"
#include "daemon/pull/look_turns.h"
#include "daemon/pull/planner.h"
#include "daemon/transfer/transfer.h"

namespace batuta::pull {

// What a run tells its owner. Every call is on the core sequence; none after OnFinished, and none after
// Stop().
class PullObserver {
 public:
  virtual ~PullObserver() = default;

  // Once per run; `plan.files` keep their positions, by which the later calls name them.
  virtual void OnPlanned(const PullPlan& plan) = 0;

  // The file turned out to be in the cache already.
  virtual void OnFileCached(size_t index) = 0;
  virtual void OnFileProgress(size_t index, uint64_t done_bytes, uint64_t received_bytes) = 0;

  // The file stands in the snapshot.
  virtual void OnFileDone(size_t index) = 0;

  // Before OnFileCached() or OnFileDone(), or instead of them for a file that was there: it is unsafe and was
  // admitted.
  virtual void OnFileWarned(size_t index, const std::string& warning) = 0;
  virtual void OnFileFailed(size_t index, const absl::Status& status) = 0;

  // Nothing moves for the reason in `info`, none of the files; `cause` is the error behind it (OK for a rate
  // limit). Progress ends the wait.
  virtual void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) = 0;
  virtual void OnFinished(const absl::Status& status) = 0;
};

// What a run works with. Everything outlives the run.
struct PullContext {
  Planner& planner;
  hub::HubClient& hub;
  cache::Cache& cache;
  cache::SpaceLedger& space;
  transfer::Transfers& transfers;
  Sequence& core;
  WorkerPool& disk;
  WorkerPool& upkeep;  // one thread, where room is made: that may take long
  const Clock& clock;
  BackoffPolicy backoff;
  inventory::Inventory* inventory = nullptr;  // holds what the run uses, and learns what it brought

  Reviewer* reviewer = nullptr;                 // remembers what it was asked to look at
  const guard::GuardContext* guard = nullptr;   // what may come in; null: everything
  entitlement::Admission* admission = nullptr;  // who may read what; null: everybody everything
  LookTurns* turns = nullptr;                   // two runs that want one blob do not both look at it

  cache::VerifiedFiles* verified = nullptr;  // what need not be read again before it is shared

  // Blobs that one run hands to the transfers at once; bounds memory for huge repos.
  size_t window = 256;
};

// PullRun carries out one pull: plan, link what is there, look at what is not, check the space, move the
// rest, and at last write tree and ref. A file that the guard refuses does not hold up the others; then the
// pull fails at its end, without a ref. A transient error while planning is retried with back-off when the
// request may wait.
//
// Lives on the core sequence. Dropping it without Stop() is Stop().
class PullRun {
 public:
  virtual ~PullRun() = default;

  // `observer` outlives the run or its Stop(). Nothing is called before Start() returns.
  static std::unique_ptr<PullRun> Start(const PullContext& context, PullRequest request, hub::Access access,
                                        PullObserver& observer);

  // From now on; what is under way follows.
  virtual void SetPriority(Priority priority) = 0;

  // Of the whole pull; 0 = none.
  virtual void SetLimit(uint64_t bytes_per_second) = 0;

  // Leaves every transfer; what has arrived is kept. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace batuta::pull
