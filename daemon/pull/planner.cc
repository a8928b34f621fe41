#include "daemon/pull/planner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/pull/conversion.h"
#include "daemon/pull/hub_scan.h"
#include "daemon/pull/tree_finder.h"

namespace batuta::pull {

using hub::Access;
using hub::Callback;

struct Planner::Shared {
  hub::HubClient& hub;
  cache::Cache& cache;
  Sequence& core;
  WorkerPool& disk;
  Reviewer* reviewer;
  Fitter* fitter;
  TreeFinder trees;
};

namespace {

constexpr size_t kMostHubId = 64;

// One planning, from the request to `done`; keeps itself alive through its callbacks.
class PlanFlow : public std::enable_shared_from_this<PlanFlow> {
 public:
  template <typename Shared>
  PlanFlow(Shared& shared, PullRequest request, Access access, Callback<PullPlan> done)
      : hub_(shared.hub),
        cache_(shared.cache),
        core_(shared.core),
        disk_(shared.disk),
        reviewer_(shared.reviewer),
        fitter_(shared.fitter),
        trees_(shared.trees),
        request_(std::move(request)),
        access_(std::move(access)),
        offline_(request_.offline || trees_.is_offline()),
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
    trees_.FindCommit(request_.repo, request_.revision, offline_, access_,
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
      plan->choice = std::move(choice_);
      plan->fit = std::move(fit_);
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

  void OnCommit(const CommitId& commit) {
    trees_.FindTree(request_.repo, commit, offline_, access_,
                    [self = shared_from_this()](absl::StatusOr<FoundTree> found) {
                      if (!found.ok()) return self->Finish(found.status());
                      self->OnTree(*std::move(found));
                    });
  }

  void OnTree(FoundTree found) {
    tree_ = std::make_shared<FoundTree>(std::move(found));
    if (!request_.fit) return Select();
    if (request_.choice) return OnChoice(*request_.choice);
    if (fitter_ == nullptr) return Finish(absl::UnimplementedError("nothing is known to fit"));
    fitter_->Fit({.repo = request_.repo,
                  .tree = std::shared_ptr<const Tree>(tree_, &tree_->tree),
                  .selection = request_.selection,
                  .wish = *request_.fit,
                  .offline = offline_,
                  .is_pull = true},
                 access_, [self = shared_from_this()](absl::StatusOr<FitReport> report) {
                   if (!report.ok()) return self->Finish(report.status());
                   self->OnFit(std::make_shared<const FitReport>(*std::move(report)));
                 });
  }

  void OnFit(const std::shared_ptr<const FitReport>& report) {
    fit_ = report;
    if (report->nothing_is_cached) return Finish(trees_.Miss(request_.repo, "a variant of the model"));
    if (!report->choice.chosen) return Finish(NothingFits(request_.repo, *report));
    const ModelVariant& chosen = report->variants[*report->choice.chosen];
    OnChoice({.label = chosen.label, .quantization = chosen.quantization, .why = report->choice.explanation});
  }

  void OnChoice(VariantChoice choice) {
    request_.selection.quantization = choice.quantization;
    choice_ = std::move(choice);
    Select();
  }

  void Select() {
    OnDisk([self = shared_from_this()] { return self->MakePlan(self->tree_->tree); },
           [self = shared_from_this()](absl::StatusOr<PullPlan> plan) { self->OnSelected(std::move(plan)); });
  }

  void OnSelected(absl::StatusOr<PullPlan> plan) {
    // Of what is not listed nobody knows that it does not exist.
    if (tree_->is_partial && absl::IsNotFound(plan.status())) {
      plan =
          trees_.Miss(request_.repo, fmt::format("a file asked for at commit {}", tree_->tree.commit.hex()));
    }
    if (!plan.ok()) return Finish(plan.status());
    plan->has_listing = !tree_->is_partial;
    if (tree_->is_new) {
      plan->tree_is_new = true;
      plan->tree = std::move(tree_->tree);
    }
    tree_.reset();  // a large one takes its place in memory
    AskScanners(CheckOffline(*std::move(plan)));
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
      if (file.action == PlannedFile::Action::kDownload) {
        return trees_.Miss(request_.repo, file.entry.path.text());
      }
    }
    return plan;
  }

  hub::HubClient& hub_;
  cache::Cache& cache_;
  Sequence& core_;
  WorkerPool& disk_;
  Reviewer* const reviewer_;  // may be null
  Fitter* const fitter_;      // may be null
  TreeFinder& trees_;
  PullRequest request_;
  Access access_;
  const bool offline_;
  const std::shared_ptr<std::optional<WallTime>> as_of_ = std::make_shared<std::optional<WallTime>>();

  // Written where answers are read, each before its callback is posted here.
  const std::shared_ptr<review::RepoIdentity> identity_ = std::make_shared<review::RepoIdentity>();
  std::optional<Review> review_;
  std::shared_ptr<FoundTree> tree_;
  std::optional<VariantChoice> choice_;
  std::shared_ptr<const FitReport> fit_;
  Callback<PullPlan> done_;
};

// What fits, from the request to `done`; the like of PlanFlow for those who only want to know.
class LookFlow : public std::enable_shared_from_this<LookFlow> {
 public:
  template <typename Shared>
  LookFlow(Shared& shared, const PullRequest& request, Access access, Callback<FitReport> done)
      : hub_(shared.hub),
        fitter_(*shared.fitter),
        trees_(shared.trees),
        request_(request),
        access_(std::move(access)),
        offline_(request_.offline || trees_.is_offline()),
        done_(std::move(done)) {
    if (request_.refresh) access_.memory = hub::Memory::kRenew;
    if (offline_) access_.memory = hub::Memory::kOnly;
  }

  void Run() {
    if (!offline_ || request_.revision.AsCommit()) return FindCommit();
    hub_.ResolveRevision(request_.repo, request_.revision, access_,
                         [self = shared_from_this()](const absl::StatusOr<CommitId>& commit) {
                           commit.ok() ? self->OnCommit(*commit) : self->FindCommit();
                         });
  }

 private:
  void FindCommit() {
    trees_.FindCommit(request_.repo, request_.revision, offline_, access_,
                      [self = shared_from_this()](const absl::StatusOr<CommitId>& commit) {
                        commit.ok() ? self->OnCommit(*commit) : self->done_(commit.status());
                      });
  }

  void OnCommit(const CommitId& commit) {
    if (!offline_) return FindTree(commit);
    hub_.ListTree(request_.repo, commit, access_,
                  [self = shared_from_this(), commit](absl::StatusOr<Tree> tree) {
                    tree.ok() ? self->OnTree(*std::move(tree)) : self->FindTree(commit);
                  });
  }

  void FindTree(const CommitId& commit) {
    trees_.FindTree(request_.repo, commit, offline_, access_,
                    [self = shared_from_this()](absl::StatusOr<FoundTree> found) {
                      found.ok() ? self->OnTree(std::move(found->tree)) : self->done_(found.status());
                    });
  }

  void OnTree(Tree tree) {
    fitter_.Fit({.repo = request_.repo,
                 .tree = std::make_shared<const Tree>(std::move(tree)),
                 .selection = request_.selection,
                 .wish = *request_.fit,
                 .offline = offline_},
                access_, std::move(done_));
  }

  hub::HubClient& hub_;
  Fitter& fitter_;
  TreeFinder& trees_;
  const PullRequest request_;
  Access access_;
  const bool offline_;
  Callback<FitReport> done_;
};

}  // namespace

bool TakesAny(const PullPlan& plan) {
  return std::ranges::any_of(
      plan.files, [](const PlannedFile& file) { return file.action == PlannedFile::Action::kDownload; });
}

Planner::Planner(PlannerOptions options, hub::HubClient& hub, cache::Cache& cache, Sequence& core,
                 WorkerPool& disk, Reviewer* reviewer, Fitter* fitter)
    : shared_(std::unique_ptr<Shared>(
          new Shared{hub, cache, core, disk, reviewer, fitter, {options.offline, hub, cache, core, disk}})) {}

Planner::~Planner() = default;

void Planner::Plan(const PullRequest& request, const Access& access, Callback<PullPlan> done) {
  shared_->core.AssertCurrent();
  std::make_shared<PlanFlow>(*shared_, request, access, std::move(done))->Run();
}

void Planner::Fit(const PullRequest& request, const Access& access, Callback<FitReport> done) {
  shared_->core.AssertCurrent();
  if (shared_->fitter == nullptr) return done(absl::UnimplementedError("nothing is known to fit"));
  std::make_shared<LookFlow>(*shared_, request, access, std::move(done))->Run();
}

}  // namespace batuta::pull
