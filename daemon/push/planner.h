#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/time/clock.h"
#include "daemon/card/card.h"
#include "daemon/guard/verdicts.h"
#include "daemon/hub/hub_client.h"
#include "daemon/hub/repo_writer.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/push/content_ids.h"
#include "daemon/push/plan.h"
#include "daemon/push/push_request.h"
#include "daemon/push/served_folders.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::push {

struct PlanProgress {
  std::string_view phase;  // "listing", "hashing", "asking", "scanning"
  uint64_t done_bytes = 0;
  uint64_t total_bytes = 0;
  uint32_t files_done = 0;
  uint32_t files_total = 0;
};

// What plans are made with. Everything outlives them.
struct PlannerContext {
  hub::HubClient& hub;
  hub::RepoWriter& writer;
  metadata::MetadataStore& store;
  guard::Verdicts& verdicts;
  Sequence& core;
  WorkerPool& pool;  // of pushes alone: walks, hashes and scans take their time
  const ServedFolders& served;
  const Clock& clock;
  bool offline = false;
  const metrics::DaemonMetrics* metrics = nullptr;
};

// A plan being made; dropping it ends that.
class Planning {
 public:
  virtual ~Planning() = default;
};

// Planner finds out what a push would do: what lies in the folder, what the repo has, what differs; whether
// the hub takes it, whether it is what its names say, whether secrets are in it; and which card goes with it.
// What was found out about a file's bytes is remembered, so that an unchanged folder costs a stat a file.
class Planner {
 public:
  using OnProgress = std::function<void(const PlanProgress&)>;
  using OnPlan = absl::AnyInvocable<void(absl::StatusOr<PushPlan>)>;

  explicit Planner(const PlannerContext& context);
  ~Planner();

  // On the core sequence, as are the callbacks; none inside Plan(). `done` is called once, unless the
  // planning is dropped before; `on_progress` may be empty.
  //   kNotFound (ENTRY_NOT_FOUND)  nothing lies at the path; errors of the hub but for a repo or a branch
  //   that is not there; kFailedPrecondition (OFFLINE_MISS); IsClientGone()
  std::unique_ptr<Planning> Plan(PushRequest request, hub::Access access, OnProgress on_progress,
                                 OnPlan done);

  // The card of a model folder alone. `done` runs on a pool, or at once.
  void PreviewCard(const std::filesystem::path& folder, const std::optional<ServedBy>& served,
                   const RepoId& repo, absl::AnyInvocable<void(absl::StatusOr<card::Card>)> done);

 private:
  const PlannerContext context_;
  ContentIds ids_;
};

}  // namespace batuta::push
