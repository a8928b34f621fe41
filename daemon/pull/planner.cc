#include "daemon/pull/planner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/pull/conversion.h"
#include "daemon/pull/hub_scan.h"

namespace batuta::pull {

using hub::Access;
using hub::Callback;

struct Planner::Shared {
  PlannerOptions options;
  hub::HubClient& hub;
  cache::Cache& cache;
  Sequence& core;
  WorkerPool& disk;
  Reviewer* reviewer;
};

namespace {

constexpr size_t kMostHubId = 64;

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
        core_(shared.core),
        disk_(shared.disk),
        reviewer_(shared.reviewer),
        request_(std::move(request)),
        access_(std::move(access)),
        offline_(request_.offline || options_.offline),
        done_(std::move(done)) {
    if (request_.refresh) access_.memory = hub::Memory::kRenew;
    access_.on_remembered = [as_of = as_of_](WallTime at) { *as_of = at; };
    access_.on_news = [told = identity_](const hub::RepoNews& news) {
      const bool is_usable = news.hub_id.size() <= kMostHubId;
      *told = {.hub_id = is_usable ? news.hub_id : std::string(), .created = news.created};
    };
  }

  void Run() {
    if (offline_ || reviewer_ == nullptr) return Resolve();
    OnDisk([self = shared_from_this()] { return self->reviewer_->LookAt(self->request_.repo); },
           [self = shared_from_this()](absl::StatusOr<Review> review) { self->OnReview(std::move(review)); });
  }

 private:
  // Of a namespace that is new, more is asked than where the revision stands: the same answer says both.
  void OnReview(absl::StatusOr<Review> review) {
    if (!review.ok()) return Finish(review.status());
    review_ = *std::move(review);
    if (!review_->is_new) return Resolve();
    hub_.GetRepo(request_.repo, request_.revision, access_,
                 [self = shared_from_this()](absl::StatusOr<hub::RepoInfo> info) {
                   if (!info.ok()) return self->Finish(info.status());
                   const CommitId commit = self->request_.revision.AsCommit().value_or(info->commit);
                   self->review_->info = *std::move(info);
                   self->OnCommit(commit);
                 });
  }

  void Resolve() {
    if (const std::optional<CommitId> commit = request_.revision.AsCommit()) return OnCommit(*commit);
    if (offline_) {
      return OnDisk(
          [self = shared_from_this()] {
            return self->cache_.ReadRef(self->request_.repo, self->request_.revision);
          },
          [self = shared_from_this()](absl::StatusOr<std::optional<CommitId>> known) {
            self->OnKnownCommit(std::move(known));
          });
    }
    hub_.ResolveRevision(request_.repo, request_.revision, access_,
                         [self = shared_from_this()](absl::StatusOr<CommitId> commit) {
                           if (!commit.ok()) return self->Finish(commit.status());
                           self->OnCommit(*commit);
                         });
  }

  // Runs `work` on the disk pool and hands its result to `then` on the core sequence.
  template <typename Work, typename Then>
  void OnDisk(Work work, Then then) {
    disk_.Post([self = shared_from_this(), work = std::move(work), then = std::move(then)]() mutable {
      auto result = work();
      self->core_.Post(
          [then = std::move(then), result = std::move(result)]() mutable { then(std::move(result)); });
    });
  }

  void Finish(absl::StatusOr<PullPlan> plan) {
    if (plan.ok()) {
      plan->as_of = *as_of_;
      plan->review = ReviewOf(*plan);
      return std::exchange(done_, nullptr)(std::move(plan));
    }
    if (offline_) return std::exchange(done_, nullptr)(plan.status());
    NameConversion(hub_, request_, access_, plan.status(),
                   [self = shared_from_this()](const absl::Status& named) {
                     std::exchange(self->done_, nullptr)(named);
                   });
  }

  // What the hub's own scanners say of what would be fetched; nobody is asked about what is here.
  void AskScanners(absl::StatusOr<PullPlan> made) {
    if (!made.ok() || offline_ || !TakesAny(*made)) return Finish(std::move(made));
    const auto plan = std::make_shared<PullPlan>(*std::move(made));
    // The answer that told of the repo told of its files as well, unless it is the remembered one about a
    // commit.
    const bool is_model = request_.repo.type() == RepoType::kModel;
    const bool is_told = review_ && review_->info && is_model && !request_.revision.AsCommit() &&
                         review_->info->commit == plan->commit;
    if (is_told) return OnScan(plan, review_->info->scan_issues);
    if (is_model) return AskScannersAbout(plan, {});  // all of its files
    OnDisk([type = request_.repo.type(), plan] { return PathsToScan(Wanted(*plan), type); },
           [self = shared_from_this(), plan](const std::vector<std::string>& paths) {
             self->AskScannersAbout(plan, paths);
           });
  }

  void AskScannersAbout(const std::shared_ptr<PullPlan>& plan, const std::vector<std::string>& paths) {
    Access access = access_;
    access.on_remembered = {};
    hub_.GetScan(request_.repo, plan->commit, paths, access,
                 [self = shared_from_this(), plan](absl::StatusOr<std::vector<hub::ScanIssue>> issues) {
                   if (!issues.ok() && EndsThePull(issues.status())) return self->Finish(issues.status());
                   if (!issues.ok()) {
                     LogWarn("the hub does not say what its scanners found",
                             Field("repo", self->request_.repo.id()),
                             Field("error", MessageOf(issues.status())));
                     issues.emplace();
                   }
                   self->OnScan(plan, *std::move(issues));
                 });
  }

  void OnScan(const std::shared_ptr<PullPlan>& plan, std::vector<hub::ScanIssue> issues) {
    if (issues.empty()) return Finish(std::move(*plan));
    OnDisk([self = shared_from_this(), plan,
            issues = std::move(issues)] { return self->Heed(issues, std::move(*plan)); },
           [self = shared_from_this()](absl::StatusOr<PullPlan> heeded) { self->Finish(std::move(heeded)); });
  }

  // Disk pool. The plan without what the scanners object to and the caller does not admit.
  absl::StatusOr<PullPlan> Heed(const std::vector<hub::ScanIssue>& issues, PullPlan plan) {
    Tree tree{plan.commit, {}};
    for (const PlannedFile& file : plan.files) tree.entries.push_back(file.entry);
    ScanOpinion opinion = OpinionOf(issues, tree, request_.selection);
    bool is_objected = false;
    for (const PlannedFile& file : plan.files) {
      const auto found = opinion.objections.find(file.entry.path.text());
      if (found == opinion.objections.end()) continue;
      if (file.action == PlannedFile::Action::kDownload) is_objected = true;
      if (file.action == PlannedFile::Action::kCached) opinion.objections.erase(found);
    }
    if (is_objected) {
      ASSIGN_OR_RETURN(PullPlan other, MakePlan(tree, opinion.objections));
      plan.files = std::move(other.files);
    }
    for (PlannedFile& file : plan.files) {
      const auto warning = opinion.warnings.find(file.entry.path.text());
      if (warning != opinion.warnings.end() && file.action == PlannedFile::Action::kDownload) {
        file.warning = warning->second;
      }
    }
    return plan;
  }

  static bool TakesAny(const PullPlan& plan) {
    return std::ranges::any_of(
        plan.files, [](const PlannedFile& file) { return file.action == PlannedFile::Action::kDownload; });
  }

  static Tree Wanted(const PullPlan& plan) {
    Tree wanted{plan.commit, {}};
    for (const PlannedFile& file : plan.files) {
      if (file.action == PlannedFile::Action::kDownload) wanted.entries.push_back(file.entry);
    }
    return wanted;
  }

  std::shared_ptr<const Review> ReviewOf(const PullPlan& plan) {
    if (!review_ || !TakesAny(plan)) return nullptr;
    review_->now = *identity_;
    return std::make_shared<const Review>(*std::move(review_));
  }

  absl::Status Miss(std::string_view what) const {
    return OfflineMiss(request_.repo, what, options_.offline ? kDaemonIsOffline : kAskOnline);
  }

  // What the cache says of the revision.
  void OnKnownCommit(absl::StatusOr<std::optional<CommitId>> known) {
    if (!known.ok()) return Finish(known.status());
    if (known->has_value()) return OnCommit(**known);
    Finish(Miss(fmt::format("revision {}", request_.revision.text())));
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
    plan->has_listing = false;
    return *std::move(plan);
  }

  void OnPlanFromCache(const CommitId& commit, absl::StatusOr<std::optional<PullPlan>> plan) {
    if (!plan.ok()) return Finish(plan.status());
    if (plan->has_value()) return AskScanners(CheckOffline(**std::move(plan)));
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
        [self = shared_from_this()](absl::StatusOr<PullPlan> plan) { self->AskScanners(std::move(plan)); });
  }

  // Disk pool. Selection, and what of it is there.
  absl::StatusOr<PullPlan> MakePlan(const Tree& tree, const Objections& objections = {}) {
    ASSIGN_OR_RETURN(const Selection selection, PlanSelection(tree, request_.selection, objections));
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
  Sequence& core_;
  WorkerPool& disk_;
  Reviewer* const reviewer_;  // may be null
  const PullRequest request_;
  Access access_;
  const bool offline_;
  const std::shared_ptr<std::optional<WallTime>> as_of_ = std::make_shared<std::optional<WallTime>>();

  // Written where answers are read, each before its callback is posted here.
  const std::shared_ptr<review::RepoIdentity> identity_ = std::make_shared<review::RepoIdentity>();
  std::optional<Review> review_;
  Callback<PullPlan> done_;
};

}  // namespace

Planner::Planner(PlannerOptions options, hub::HubClient& hub, cache::Cache& cache, Sequence& core,
                 WorkerPool& disk, Reviewer* reviewer)
    : shared_(std::unique_ptr<Shared>(new Shared{options, hub, cache, core, disk, reviewer})) {}

Planner::~Planner() = default;

void Planner::Plan(const PullRequest& request, const Access& access, Callback<PullPlan> done) {
  shared_->core.AssertCurrent();
  std::make_shared<PlanFlow>(*shared_, request, access, std::move(done))->Run();
}

}  // namespace batuta::pull
