#include "daemon/pull/planner.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::pull {

using hub::Access;
using hub::Callback;
using metadata::Table;

struct Planner::Shared {
  PlannerOptions options;
  hub::HubClient& hub;
  cache::Cache& cache;
  metadata::MetadataStore& store;
  Sequence& core;
  WorkerPool& disk;
  const Clock& clock;
};

namespace {

// Where the catalog keeps what a revision pointed to when the hub was last asked. The endpoint is part of the
// key: two hubs may know the same name.
std::string RevisionKey(const std::string& endpoint, const RepoId& repo, const Revision& revision) {
  return fmt::format("{}|{}|{}", endpoint, repo.folder(), revision.text());
}

std::string EncodeRevision(const CommitId& commit, WallTime at) {
  return nlohmann::json{{"v", 1}, {"commit", commit.hex()}, {"at_ms", ToUnixMillis(at)}}.dump();
}

// The commit in `text` when it was learned within `ttl` before `now`. A record from the future (the clock was
// set back) is as good as none.
std::optional<CommitId> DecodeFreshRevision(const std::string& text, WallTime now, std::chrono::seconds ttl) {
  const nlohmann::json record = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object() || !record.contains("commit") || !record["commit"].is_string() ||
      !record.contains("at_ms") || !record["at_ms"].is_number_integer()) {
    return std::nullopt;
  }
  const WallTime at = FromUnixMillis(record["at_ms"].get<int64_t>());
  if (at > now || now - at >= ttl) return std::nullopt;
  absl::StatusOr<CommitId> commit = CommitId::Parse(record["commit"].get<std::string>());
  if (!commit.ok()) return std::nullopt;
  return *std::move(commit);
}

constexpr std::string_view kAskOnline =
    "run it once without --offline (and without HF_HUB_OFFLINE), or copy the files into the cache";
constexpr std::string_view kDaemonIsOffline =
    "this daemon is offline, whoever calls: stop it with `batuta daemon stop` and call again without "
    "HF_HUB_OFFLINE (or without `offline` in config.toml), or copy the files into the cache";

absl::Status OfflineMiss(const RepoId& repo, std::string_view what, std::string_view hint) {
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("{} {}: {} is not in the cache, and the hub is not asked while offline",
                               ToString(repo.type()), repo.id(), what),
                   hint);
}

// One planning, from the request to `done`; keeps itself alive through its callbacks.
class PlanFlow : public std::enable_shared_from_this<PlanFlow> {
 public:
  template <typename Shared>
  PlanFlow(const Shared& shared, PullRequest request, Access access, Callback<PullPlan> done)
      : options_(shared.options),
        hub_(shared.hub),
        cache_(shared.cache),
        store_(shared.store),
        core_(shared.core),
        disk_(shared.disk),
        clock_(shared.clock),
        request_(std::move(request)),
        access_(std::move(access)),
        offline_(request_.offline || options_.offline),
        done_(std::move(done)) {}

  void Run() {
    if (const std::optional<CommitId> commit = request_.revision.AsCommit()) return OnCommit(*commit);
    OnDisk([self = shared_from_this()] { return self->KnownCommit(); },
           [self = shared_from_this()](absl::StatusOr<std::optional<CommitId>> known) {
             self->OnKnownCommit(std::move(known));
           });
  }

 private:
  // Runs `work` on the disk pool and hands its result to `then` on the core sequence.
  template <typename Work, typename Then>
  void OnDisk(Work work, Then then) {
    disk_.Post([self = shared_from_this(), work = std::move(work), then = std::move(then)]() mutable {
      auto result = work();
      self->core_.Post(
          [then = std::move(then), result = std::move(result)]() mutable { then(std::move(result)); });
    });
  }

  void Finish(absl::StatusOr<PullPlan> plan) { std::exchange(done_, nullptr)(std::move(plan)); }

  absl::Status Miss(std::string_view what) const {
    return OfflineMiss(request_.repo, what, options_.offline ? kDaemonIsOffline : kAskOnline);
  }

  // Disk pool. What the machine itself knows about the revision.
  absl::StatusOr<std::optional<CommitId>> KnownCommit() {
    if (offline_) return cache_.ReadRef(request_.repo, request_.revision);
    if (options_.revision_ttl.count() <= 0) return std::nullopt;
    ASSIGN_OR_RETURN(
        const std::optional<std::string> record,
        store_.Get(Table::kRevisions, RevisionKey(hub_.endpoint(), request_.repo, request_.revision)));
    if (!record) return std::nullopt;
    return DecodeFreshRevision(*record, clock_.wall(), options_.revision_ttl);
  }

  void OnKnownCommit(absl::StatusOr<std::optional<CommitId>> known) {
    if (!known.ok()) return Finish(known.status());
    if (known->has_value()) return OnCommit(**known);
    if (offline_) {
      return Finish(Miss(fmt::format("revision {}", request_.revision.text())));
    }
    hub_.ResolveRevision(request_.repo, request_.revision, access_,
                         [self = shared_from_this()](absl::StatusOr<CommitId> commit) {
                           if (!commit.ok()) return self->Finish(commit.status());
                           self->Remember(*commit);
                           self->OnCommit(*commit);
                         });
  }

  // The next pull of the same revision need not ask. Best effort: without it, one more request.
  void Remember(const CommitId& commit) {
    disk_.Post([self = shared_from_this(), record = EncodeRevision(commit, clock_.wall())] {
      const absl::Status status =
          metadata::Put(self->store_, Table::kRevisions,
                        RevisionKey(self->hub_.endpoint(), self->request_.repo, self->request_.revision),
                        record, metadata::Durability::kProcess);
      if (!status.ok()) LogWarn("revision not remembered", Field("error", std::string(MessageOf(status))));
    });
  }

  void OnCommit(const CommitId& commit) {
    OnDisk([self = shared_from_this(), commit] { return self->PlanFromCache(commit); },
           [self = shared_from_this(), commit](absl::StatusOr<std::optional<PullPlan>> plan) {
             self->OnPlanFromCache(commit, std::move(plan));
           });
  }

  // Disk pool. nullopt: the tree is not known here.
  absl::StatusOr<std::optional<PullPlan>> PlanFromCache(const CommitId& commit) {
    ASSIGN_OR_RETURN(std::optional<Tree> tree, cache_.ReadTree(request_.repo, commit));
    if (!tree && offline_) return PlanFromSnapshot(commit);
    if (!tree) return std::nullopt;
    ASSIGN_OR_RETURN(PullPlan plan, MakePlan(*tree));
    return plan;
  }

  // Disk pool. For a cache that another tool filled without keeping the listing: what is there is all that is
  // known, so a file that is not there is a miss, not an error in its name.
  absl::StatusOr<std::optional<PullPlan>> PlanFromSnapshot(const CommitId& commit) {
    ASSIGN_OR_RETURN(const std::optional<Tree> tree, cache_.ReadSnapshot(request_.repo, commit));
    if (!tree) return std::nullopt;
    absl::StatusOr<PullPlan> plan = MakePlan(*tree);
    if (absl::IsNotFound(plan.status())) {
      return Miss(fmt::format("a file asked for at commit {}", commit.hex()));
    }
    RETURN_IF_ERROR(plan.status());
    return *std::move(plan);
  }

  void OnPlanFromCache(const CommitId& commit, absl::StatusOr<std::optional<PullPlan>> plan) {
    if (!plan.ok()) return Finish(plan.status());
    if (plan->has_value()) return Finish(CheckOffline(**std::move(plan)));
    if (offline_) return Finish(Miss(fmt::format("commit {}", commit.hex())));
    hub_.ListTree(request_.repo, commit, access_, [self = shared_from_this()](absl::StatusOr<Tree> tree) {
      if (!tree.ok()) return self->Finish(tree.status());
      self->OnNewTree(*std::move(tree));
    });
  }

  void OnNewTree(Tree tree) {
    OnDisk(
        [self = shared_from_this(), tree = std::move(tree)]() mutable -> absl::StatusOr<PullPlan> {
          ASSIGN_OR_RETURN(PullPlan plan, self->MakePlan(tree));
          plan.tree_is_new = true;
          plan.tree = std::move(tree);
          return plan;
        },
        [self = shared_from_this()](absl::StatusOr<PullPlan> plan) { self->Finish(std::move(plan)); });
  }

  // Disk pool. Selection, and what of it is there.
  absl::StatusOr<PullPlan> MakePlan(const Tree& tree) {
    ASSIGN_OR_RETURN(const Selection selection, PlanSelection(tree, request_.selection));
    std::vector<Entry> wanted;
    for (const SelectedEntry& item : selection.entries) {
      if (item.selected) wanted.push_back(item.entry);
    }
    ASSIGN_OR_RETURN(const std::vector<bool> present, cache_.ArePresent(request_.repo, tree.commit, wanted));

    PullPlan plan{.commit = tree.commit,
                  .snapshot_path = cache_.SnapshotPath(request_.repo, tree.commit),
                  .files = {},
                  .tree_is_new = false,
                  .tree = Tree{tree.commit, {}}};
    plan.files.reserve(selection.entries.size());
    size_t next = 0;
    for (const SelectedEntry& item : selection.entries) {
      using Action = PlannedFile::Action;
      const Action action = !item.selected    ? Action::kSkip
                            : present[next++] ? Action::kCached
                                              : Action::kDownload;
      plan.files.push_back({item.entry, action, item.reason});
    }
    return plan;
  }

  // Offline, a plan that would need a download is a miss that names the first file.
  absl::StatusOr<PullPlan> CheckOffline(PullPlan plan) const {
    if (!offline_) return plan;
    for (const PlannedFile& file : plan.files) {
      if (file.action == PlannedFile::Action::kDownload) return Miss(file.entry.path.text());
    }
    return plan;
  }

  const PlannerOptions& options_;
  hub::HubClient& hub_;
  cache::Cache& cache_;
  metadata::MetadataStore& store_;
  Sequence& core_;
  WorkerPool& disk_;
  const Clock& clock_;
  const PullRequest request_;
  const Access access_;
  const bool offline_;
  Callback<PullPlan> done_;
};

}  // namespace

Planner::Planner(PlannerOptions options, hub::HubClient& hub, cache::Cache& cache,
                 metadata::MetadataStore& store, Sequence& core, WorkerPool& disk, const Clock& clock)
    : shared_(std::unique_ptr<Shared>(new Shared{options, hub, cache, store, core, disk, clock})) {}

Planner::~Planner() = default;

void Planner::Plan(const PullRequest& request, const Access& access, Callback<PullPlan> done) {
  shared_->core.AssertCurrent();
  std::make_shared<PlanFlow>(*shared_, request, access, std::move(done))->Run();
}

}  // namespace batuta::pull
