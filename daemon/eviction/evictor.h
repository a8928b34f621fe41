#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/room_maker.h"
#include "daemon/eviction/plan.h"
#include "daemon/eviction/view.h"
#include "daemon/inventory/inventory.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::eviction {

// One selection, and what becomes of it.
struct Line {
  SelectionName selection;
  std::string label;
  std::vector<std::string> refs;
  uint64_t size_bytes = 0;   // of its files, each once
  uint64_t freed_bytes = 0;  // on the disk, when it goes in this order
  WallTime last_access;
  bool goes = false;
  std::string why;
};

struct Report {
  std::vector<Line> lines;  // those that go, in their order; then those that stay
  uint64_t loose_files = 0;
  uint64_t freed_bytes = 0;  // with loose files
  bool is_enough = true;
};

// Which selections to remove on request.
struct RemoveRequest {
  RepoId repo;
  std::optional<Revision> revision = {};  // commit or ref; nothing = all
  std::string label = {};                 // empty = all
  bool force = false;                     // also bases that cached models need
};

struct PruneRequest {
  std::optional<std::chrono::seconds> older_than = {};  // only what was not used for so long
  uint32_t keep_last = 0;                               // so many of the newest snapshots of each repo stay
};

struct CacheUsage {
  uint64_t used_bytes = 0;         // on the disk, each file once
  uint64_t shared_bytes = 0;       // saved by files that several repos have in common
  uint64_t reclaimable_bytes = 0;  // an eviction could free so much
  uint64_t loose_bytes = 0;
  uint64_t free_bytes = 0;
  uint64_t total_bytes = 0;  // of the file system
  Quota quota;
};

struct EvictorOptions {
  Quota quota;

  // A file in blobs/ that nothing leads to may be about to be linked: until so long after its last change.
  std::chrono::seconds loose_age = std::chrono::hours(1);

  // Other tools tell nobody what they are using. A repo that one has written to is left alone for so long,
  // unless its removal is asked for; 0 = not at all.
  std::chrono::milliseconds grace = std::chrono::minutes(2);

  // May the repo be named to whoever asks about another one? Empty: each may. Thread-safe.
  std::function<bool(const RepoId&)> may_name = {};

  const metrics::DaemonMetrics* metrics = nullptr;  // outlives the evictor
};

// Evictor removes selections: by plan, to make room, or on request. In each case records go first, then
// links, then blobs. Before it removes anything it surveys those repos again, and plans again when they have
// changed. Thread-safe. Everything blocks for the disk, and all but Measure() and Look() for a removal under
// way, which may take long: have a thread for it.
class Evictor final : public cache::RoomMaker {
 public:
  // Everything borrowed outlives the evictor.
  Evictor(const EvictorOptions& options, inventory::Inventory& inventory, cache::Cache& cache,
          const Clock& clock)
      : options_(options), quota_(options.quota), inventory_(inventory), cache_(cache), clock_(clock) {}

  // From now on nothing more is removed; what is under way ends between two selections with kUnavailable
  // (DAEMON_STOPPING). Any thread.
  void Stop() { is_stopping_ = true; }

  // Holds from the next demand for room on. Any thread.
  void SetQuota(const Quota& quota);

  absl::Status MakeRoom(const cache::Demand& demand) override;

  // Frees so many bytes, or as many as can be, by age; without `act` only says what it would do.
  absl::StatusOr<Report> Free(uint64_t bytes, bool act);

  // The place of every selection (of one repo, when given) in the order of eviction, and why.
  //   kNotFound (OFFLINE_MISS)  nothing of the repo that is given is cached.
  absl::StatusOr<Report> Why(const std::optional<RepoId>& only);

  //   kNotFound (OFFLINE_MISS)       there is no such selection.
  //   kFailedPrecondition (PINNED), (IN_USE)  one of them is; nothing was removed.
  absl::StatusOr<Report> Remove(const RemoveRequest& request, bool act);

  // Removes snapshots that no ref leads to, and loose and half files that are old enough, but for what is
  // pinned, in use or needed.
  absl::StatusOr<Report> Prune(const PruneRequest& request, bool act);

  absl::StatusOr<CacheUsage> Measure() const;

  // What there is, as far as the inventory knows.
  View Look() const;

 private:
  absl::StatusOr<Report> Carry(const Goal& goal, bool act, bool all_or_nothing)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(removing_);
  Line PruneLine(const View& view, uint32_t selection, const PruneRequest& request) const;
  absl::Status RemoveAll(const View& view, const std::vector<uint32_t>& selections, std::string_view why,
                         bool is_asked_for, bool act, Report* report);
  absl::Status RefreshGrowing();
  absl::StatusOr<bool> IsUpToDate(const View& view, const std::vector<uint32_t>& selections);
  absl::Status RemoveOne(const SelectionName& name, bool is_asked_for, uint64_t* freed_bytes);
  bool IsBeingFilled(const RepoId& repo) const;
  WallTime FilledSince() const;
  absl::StatusOr<uint64_t> RemoveLoose(bool act, uint64_t* files);
  absl::Status RemoveEmptySnapshots();
  Line LineOf(const View& view, const Decision& decision, bool goes) const;
  Report ReportOf(const View& view, const Plan& plan) const;
  absl::Status CheckMayGo(const View& view, uint32_t selection, bool force) const;
  absl::Status NoRoom(const Quota& quota, const View& view, const cache::Demand& demand, const Goal& goal,
                      const Report& report) const;
  Quota quota() const;

  const EvictorOptions options_;  // all but the quota
  mutable Mutex quota_mutex_;
  Quota quota_ ABSL_GUARDED_BY(quota_mutex_);
  inventory::Inventory& inventory_;
  cache::Cache& cache_;
  const Clock& clock_;
  Mutex removing_;  // held over a whole removal, disk and all: of two the second sees what the first left
  std::atomic<bool> is_stopping_ = false;
};

}  // namespace batuta::eviction
