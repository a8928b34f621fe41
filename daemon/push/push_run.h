#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/time/backoff.h"
#include "daemon/push/planner.h"
#include "daemon/transfer/bandwidth.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::push {

enum class Phase { kPlanning, kUploading, kCommitting };

// "planning" …
std::string_view ToString(Phase phase);

// What a push came to.
struct PushOutcome {
  CommitId commit;  // the last one that it made, or the one that stood already
  std::string url;
};

// What a run tells its owner. Every call is on the core sequence; none after OnFinished, and none after the
// run is dropped.
class PushObserver {
 public:
  virtual ~PushObserver() = default;
  virtual void OnPhase(Phase phase) = 0;

  // Once per run; `plan.files` keep their positions, by which the later calls name them.
  virtual void OnPlanned(const PushPlan& plan) = 0;

  // How the hub wants to have it.
  virtual void OnFileMode(size_t index, bool is_lfs) = 0;

  // `done_bytes` of it are at the hub; `sent_bytes` went out since the call before.
  virtual void OnFileProgress(size_t index, uint64_t done_bytes, uint64_t sent_bytes) = 0;
  virtual void OnFileSent(size_t index, bool was_stored) = 0;
  virtual void OnFileCommitted(size_t index) = 0;

  // To be kept so that a later run is given it in its request; the run goes on once `kept` is called.
  virtual void OnMemory(const PushMemory& memory, absl::AnyInvocable<void()> kept) = 0;

  // Nothing moves for the reason in `info`; `cause` is the error behind it (OK for a rate limit). Progress
  // ends the wait.
  virtual void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) = 0;
  virtual void OnFinished(const absl::StatusOr<PushOutcome>& outcome) = 0;
};

// What a run works with. Everything outlives the run.
struct PushContext {
  Planner& planner;
  hub::HubClient& hub;
  hub::RepoWriter& writer;
  transport::HttpTransport& http;
  metadata::MetadataStore& store;
  Sequence& core;
  WorkerPool& pool;  // the planner's
  WorkerPool& disk;  // reads ahead of what is sent
  const ServedFolders& served;
  const Clock& clock;
  BackoffPolicy backoff;
  std::chrono::milliseconds stall_timeout{60'000};              // see UploadContext
  size_t connections = 8;                                       // that send bytes at the same time
  std::shared_ptr<transfer::BandwidthLimit> overall = nullptr;  // of the whole daemon; null: none
  const metrics::DaemonMetrics* metrics = nullptr;
};

// PushRun carries out one push: plans it, sees that the plan is the one that was agreed to, makes the repo or
// the pull request where there is none, brings every object to the store, and makes the commits, each exactly
// once. What was done is seen from the repo itself; only a commit that may be under way is remembered.
//
// Lives on the core sequence. Dropping it stops it.
class PushRun {
 public:
  virtual ~PushRun() = default;

  // `observer` outlives the run. Nothing is called before Start() returns.
  static std::unique_ptr<PushRun> Start(const PushContext& context, PushRequest request, hub::Access access,
                                        PushObserver& observer);

  virtual void SetPriority(Priority priority) = 0;
  virtual void SetLimit(uint64_t bytes_per_second) = 0;
};

}  // namespace batuta::push
