#include "daemon/pull/pull_run.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/pull/blob_sharing.h"
#include "daemon/pull/waiting_flights.h"

namespace batuta::pull {

namespace {

using transfer::TransferId;
using Action = PlannedFile::Action;

// What a plan leaves to do, as positions in its files.
struct Work {
  std::vector<size_t> linked;               // were in the cache, now stand in the snapshot
  std::vector<std::vector<size_t>> groups;  // files to move, grouped by blob: one transfer serves a group
  std::vector<uint64_t> unwritten_bytes;    // of each group, not on the disk yet
  uint64_t needed_bytes = 0;                // of all of them
};

// A group whose blob is there, on its way into the snapshot.
struct LinkTask {
  size_t group = 0;
  std::vector<size_t> files;
  std::optional<RepoId> elsewhere;  // the repo that has the blob, when it is another one
  bool must_move = false;           // that one cannot be used
  absl::Status result;
};

// Disk-pool side of a run; holds what outlives the run object when it is dropped while a task is under way.
struct Disk {
  cache::Cache& cache;
  cache::SpaceLedger& space;
  inventory::Inventory* inventory;
  cache::VerifiedFiles* verified;
  Reviewer* reviewer;
  RepoId repo;
  Revision revision;
  Principal who;
  std::shared_ptr<const std::atomic<bool>> is_over;  // the run
};

// What a person would call that choice.
std::string LabelOf(const SelectionRequest& request) {
  if (!request.quantization.empty()) return request.quantization;
  if (!request.locked.empty()) return "locked";
  const std::vector<std::string>& named = request.paths.empty() ? request.include : request.paths;
  if (named.size() > 1) return fmt::format("{} and {} more", named.front(), named.size() - 1);
  if (!named.empty()) return named.front();
  return request.format.empty() ? "default" : request.format;
}

// A folder or a file of ours that is not there where it was a moment ago: nothing that the hub or the caller
// did not find.
absl::Status Explained(const absl::Status& status) {
  if (!absl::IsNotFound(status) || !ReasonOf(status).empty()) return status;
  return MakeError(absl::StatusCode::kAborted, reason::kUpstreamChanged,
                   fmt::format("what the pull had written vanished from the cache: {}", MessageOf(status)),
                   "another program is deleting from the cache; run the pull again");
}

class Run final : public PullRun, public std::enable_shared_from_this<Run> {
 public:
  Run(const PullContext& context, PullRequest request, hub::Access access, PullObserver& observer)
      : context_(context),
        request_(std::move(request)),
        access_(std::move(access)),
        observer_(&observer),
        priority_(std::make_shared<std::atomic<Priority>>(request_.priority)),
        limit_(std::make_shared<transfer::BandwidthLimit>(request_.limit_bytes_per_second)),
        random_(std::random_device{}()) {}

  void Begin() {
    Sequence& core = context_.core;
    access_.changing_priority = priority_;
    access_.on_waiting = [weak = weak_from_this(), &core](const transport::WaitInfo& info) {
      core.Post([weak, info] {
        if (auto self = weak.lock(); self && self->observer_ != nullptr) {
          self->observer_->OnWaiting(info, absl::OkStatus(), 0);
        }
      });
    };
    core.Post([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->Plan();
    });
  }

  void SetPriority(Priority priority) override {
    context_.core.AssertCurrent();
    *priority_ = priority;
    for (const std::optional<TransferId>& flight : flights_) {
      if (flight) context_.transfers.SetPriority(*flight, priority);
    }
  }

  void SetLimit(uint64_t bytes_per_second) override { limit_->Set(bytes_per_second); }

  void Stop() override {
    context_.core.AssertCurrent();
    observer_ = nullptr;
    *is_over_ = true;
    LeaveAll();
    space_ = {};
    lease_ = {};
  }

 private:
  // One blob under way; its progress is told of the first file that wants it.
  class Flight final : public transfer::TransferObserver {
   public:
    Flight(std::weak_ptr<Run> run, size_t group) : run_(std::move(run)), group_(group) {}

    void OnProgress(uint64_t done_bytes, uint64_t received_bytes) override {
      auto run = run_.lock();
      if (!run || run->observer_ == nullptr) return;
      run->UseSpace(group_, done_bytes);
      if (received_bytes > 0) run->NoteMovement(group_);
      run->observer_->OnFileProgress(run->groups_[group_].front(), done_bytes, received_bytes);
    }

    void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) override {
      auto run = run_.lock();
      if (run && run->observer_ != nullptr) run->NoteWait(group_, {info, cause, attempt});
    }

    void OnElsewhere(const RepoId& repo) override {
      if (auto run = run_.lock()) run->elsewhere_.insert_or_assign(group_, repo);
    }

    void OnFinished(const absl::Status& status) override {
      if (auto run = run_.lock()) run->OnBlobFinished(group_, status);
    }

   private:
    const std::weak_ptr<Run> run_;
    const size_t group_;
  };

  template <typename Work, typename Then>
  void OnDisk(Work work, Then then) {
    OnPool(context_.disk, std::move(work), std::move(then));
  }

  // Runs `work` on the pool and `then` with its result on the core sequence, unless the run has ended.
  template <typename Work, typename Then>
  void OnPool(WorkerPool& pool, Work work, Then then) {
    auto disk = std::make_shared<Disk>(Disk{context_.cache, context_.space, context_.inventory,
                                            context_.verified, context_.reviewer, request_.repo,
                                            request_.revision, access_.principal, is_over_});
    Sequence& core = context_.core;
    pool.Post(
        [weak = weak_from_this(), disk, &core, work = std::move(work), then = std::move(then)]() mutable {
          auto result = work(*disk);
          core.Post([weak, then = std::move(then), result = std::move(result)]() mutable {
            auto self = weak.lock();
            if (self && self->observer_ != nullptr) then(*self, std::move(result));
          });
        });
  }

  void Plan() {
    if (observer_ == nullptr) return;
    // From before it is known what is there: nothing of it may go from now on.
    TakeLease(std::nullopt);
    context_.planner.Plan(request_, access_, [weak = weak_from_this()](absl::StatusOr<PullPlan> plan) {
      auto self = weak.lock();
      if (!self || self->observer_ == nullptr) return;
      if (plan.ok()) return self->OnPlan(*std::move(plan));
      self->OnPlanFailed(plan.status());
    });
  }

  void TakeLease(const std::optional<CommitId>& commit) {
    if (context_.inventory == nullptr) return;
    lease_ = context_.inventory->leases().Take(request_.repo, commit);
  }

  void OnPlanFailed(const absl::Status& status) {
    if (!IsTransient(status) || !request_.may_wait) return Finish(status);
    ++attempts_;
    const auto delay = NextDelay(context_.backoff, attempts_, RetryAfterOf(status),
                                 std::uniform_real_distribution<double>(0, 1)(random_));
    observer_->OnWaiting({.reason = "network", .window = "", .until = context_.clock.wall() + delay}, status,
                         attempts_);
    context_.core.PostAfter(delay, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->Plan();
    });
  }

  void OnPlan(PullPlan plan) {
    plan_ = std::make_shared<const PullPlan>(std::move(plan));
    TakeLease(plan_->commit);
    observer_->OnPlanned(*plan_);
    if (observer_ == nullptr) return;
    if (plan_->review != nullptr) {
      const absl::Status judged = Judge(*plan_->review, request_);
      if (!judged.ok()) return Finish(judged);
    }
    OnDisk(
        [plan = plan_, has_agreed = request_.name_review ==
                                    NameReviewMode::kAccepted](const Disk& disk) -> absl::StatusOr<Work> {
          if (disk.reviewer != nullptr && plan->review != nullptr) {
            RETURN_IF_ERROR(disk.reviewer->GoOn(*plan->review, has_agreed, disk.who));
          }
          return LinkAndMeasure(disk, *plan);
        },
        [](Run& run, absl::StatusOr<Work> work) { run.OnMeasured(std::move(work)); });
  }

  // Disk pool. Stores the listing, links what the cache has under another name, commit or repo already, and
  // groups the rest by blob. The listing comes first: by it the Python library tells a snapshot that is not
  // complete yet, and the cache finds equal bytes where there are no symlinks.
  static absl::StatusOr<Work> LinkAndMeasure(const Disk& disk, const PullPlan& plan) {
    if (disk.inventory != nullptr) disk.inventory->NoteOthersWrites(disk.repo);
    if (plan.tree_is_new) RETURN_IF_ERROR(disk.cache.WriteTree(disk.repo, plan.tree));
    Work work;
    std::map<std::string_view, size_t> group_of;
    for (size_t index = 0; index < plan.files.size(); ++index) {
      const PlannedFile& file = plan.files[index];
      if (file.action != Action::kDownload) continue;
      ASSIGN_OR_RETURN(const bool linked, disk.cache.LinkExisting(disk.repo, plan.commit, file.entry));
      if (linked) {
        work.linked.push_back(index);
        continue;
      }
      const auto [known, is_new] = group_of.emplace(file.entry.blob.hex(), work.groups.size());
      if (is_new) work.groups.emplace_back();
      work.groups[known->second].push_back(index);
    }
    RETURN_IF_ERROR(ShareWithOthers(disk, plan, &work));
    for (const std::vector<size_t>& group : work.groups) {
      const Entry& entry = plan.files[group.front()].entry;
      ASSIGN_OR_RETURN(const uint64_t written_bytes, disk.cache.PartialBytes(disk.repo, entry.blob));
      work.unwritten_bytes.push_back(entry.size_bytes - std::min(entry.size_bytes, written_bytes));
      work.needed_bytes += work.unwritten_bytes.back();
    }
    // A pull that is refused now has written this, and nothing more.
    if (disk.inventory != nullptr && (plan.tree_is_new || !work.linked.empty())) {
      RETURN_IF_ERROR(disk.inventory->Refresh(disk.repo).status());
      disk.inventory->NoteOwnWrites(disk.repo);
    }
    return work;
  }

  // Disk pool. Links the groups whose blobs other repos have.
  static absl::Status ShareWithOthers(const Disk& disk, const PullPlan& plan, Work* work) {
    if (disk.inventory == nullptr || work->groups.empty()) return absl::OkStatus();
    std::vector<Entry> entries;
    entries.reserve(work->groups.size());
    for (const std::vector<size_t>& group : work->groups) {
      entries.push_back(plan.files[group.front()].entry);
    }
    const std::vector<std::optional<RepoId>> holders = disk.inventory->HoldersOf(entries, disk.repo);
    std::vector<HeldBlob> held;
    std::vector<size_t> groups;
    for (size_t i = 0; i < holders.size(); ++i) {
      if (!holders[i].has_value()) continue;
      held.push_back({entries[i], *holders[i]});
      groups.push_back(i);
    }
    const std::vector<bool> is_shared =
        ShareBlobs(disk.cache, disk.verified, disk.repo, held, [&] { return !*disk.is_over; });
    for (size_t i = 0; i < held.size(); ++i) {
      std::vector<size_t>& files = work->groups[groups[i]];
      if (!is_shared[i] || !LinkGroup(disk, plan, files).ok()) continue;
      work->linked.insert(work->linked.end(), files.begin(), files.end());
      files.clear();
    }
    std::erase_if(work->groups, [](const std::vector<size_t>& files) { return files.empty(); });
    return absl::OkStatus();
  }

  void OnMeasured(absl::StatusOr<Work> work) {
    if (!work.ok()) return Finish(work.status());
    for (const size_t index : work->linked) {
      observer_->OnFileCached(index);
      if (observer_ == nullptr) return;
    }
    groups_ = std::move(work->groups);
    brought_something_ = !groups_.empty() || !work->linked.empty();
    unwritten_bytes_ = std::move(work->unwritten_bytes);
    flights_.resize(groups_.size());
    open_groups_ = groups_.size();
    if (groups_.empty()) return Advance();
    OnPool(
        context_.upkeep,
        [bytes = work->needed_bytes](const Disk& disk) { return disk.space.Reserve(disk.cache, bytes); },
        [](Run& run, absl::StatusOr<cache::SpaceLedger::Reservation> space) {
          if (!space.ok()) return run.Finish(space.status());
          run.space_ = *std::move(space);
          run.Advance();
        });
  }

  // Hands out blobs up to the window; when no group is open any more, the snapshot is complete.
  void Advance() {
    while (in_flight_ < context_.window && next_ < groups_.size()) {
      const cache::Abilities& abilities = context_.cache.abilities();
      Move(next_++, /*elsewhere_will_do=*/abilities.hard_links && abilities.symlinks);
    }
    if (open_groups_ == 0) Complete();
  }

  void Move(size_t group, bool elsewhere_will_do) {
    const Entry& entry = FirstOf(group).entry;
    ++in_flight_;
    transfer::TransferSpec spec{.repo = request_.repo,
                                .entry = entry,
                                .source = context_.hub.OpenFile(request_.repo, plan_->commit, entry, access_),
                                .priority = *priority_,
                                .may_wait = request_.may_wait,
                                .principal = access_.principal,
                                .job = access_.job,
                                .elsewhere_will_do = elsewhere_will_do,
                                .limit = limit_};
    flights_[group] =
        context_.transfers.Join(std::move(spec), std::make_shared<Flight>(weak_from_this(), group));
  }

  // What is on the disk is not free any more, and need not be promised.
  void UseSpace(size_t group, uint64_t done_bytes) {
    const uint64_t size_bytes = FirstOf(group).entry.size_bytes;
    const uint64_t left = std::min(unwritten_bytes_[group], size_bytes - std::min(size_bytes, done_bytes));
    space_.Use(unwritten_bytes_[group] - left);
    unwritten_bytes_[group] = left;
  }

  const PlannedFile& FirstOf(size_t group) const { return plan_->files[groups_[group].front()]; }

  void NoteMovement(size_t group) {
    waiting_.Move(group);
    told_until_.reset();
  }

  void NoteWait(size_t group, Hold hold) {
    waiting_.Wait(group, std::move(hold));
    TellWait();
  }

  // Many blobs that wait for the same are told once.
  void TellWait() {
    const Hold* const hold = waiting_.Look(context_.clock.wall());
    if (observer_ == nullptr || hold == nullptr || told_until_ == hold->info.until) return;
    told_until_ = hold->info.until;
    observer_->OnWaiting(hold->info, hold->cause, hold->attempt);
  }

  void OnBlobFinished(size_t group, const absl::Status& status) {
    if (observer_ == nullptr) return;
    waiting_.End(group);
    flights_[group].reset();
    --in_flight_;
    if (!status.ok()) return FailFile(groups_[group].front(), status);
    UseSpace(group, FirstOf(group).entry.size_bytes);
    unlinked_.push_back(group);
    LinkMore();
    Advance();
    TellWait();
  }

  // One task at a time: while it runs, the next groups gather.
  void LinkMore() {
    if (is_linking_ || unlinked_.empty()) return;
    is_linking_ = true;
    std::vector<LinkTask> tasks;
    tasks.reserve(unlinked_.size());
    for (const size_t group : std::exchange(unlinked_, {})) {
      LinkTask task{.group = group, .files = groups_[group], .elsewhere = {}, .result = {}};
      if (auto node = elsewhere_.extract(group); !node.empty()) task.elsewhere = std::move(node.mapped());
      tasks.push_back(std::move(task));
    }
    OnDisk(
        [plan = plan_, tasks = std::move(tasks)](const Disk& disk) mutable {
          for (LinkTask& task : tasks) Link(disk, *plan, &task);
          return std::move(tasks);
        },
        [](Run& run, const std::vector<LinkTask>& linked) { run.OnLinked(linked); });
  }

  // Disk pool.
  static void Link(const Disk& disk, const PullPlan& plan, LinkTask* task) {
    if (task->elsewhere.has_value()) {
      const HeldBlob held{plan.files[task->files.front()].entry, *task->elsewhere};
      task->must_move =
          !ShareBlobs(disk.cache, disk.verified, disk.repo, {held}, [&] { return !*disk.is_over; }).front();
    }
    if (!task->must_move) task->result = LinkGroup(disk, plan, task->files);
  }

  static absl::Status LinkGroup(const Disk& disk, const PullPlan& plan, const std::vector<size_t>& files) {
    for (const size_t index : files) {
      ASSIGN_OR_RETURN(const bool linked,
                       disk.cache.LinkExisting(disk.repo, plan.commit, plan.files[index].entry));
      if (!linked) {
        return MakeError(absl::StatusCode::kAborted, reason::kUpstreamChanged,
                         "the blob vanished from the cache before it could be linked",
                         "another program is deleting from the cache; run the pull again");
      }
    }
    return absl::OkStatus();
  }

  void OnLinked(const std::vector<LinkTask>& linked) {
    is_linking_ = false;
    for (const LinkTask& task : linked) {
      if (task.must_move) {
        Move(task.group, /*elsewhere_will_do=*/false);
        continue;
      }
      if (!task.result.ok()) return FailFile(task.files.front(), task.result);
      --open_groups_;
      for (const size_t index : task.files) {
        observer_->OnFileDone(index);
        if (observer_ == nullptr) return;
      }
    }
    LinkMore();
    Advance();
  }

  void FailFile(size_t index, const absl::Status& status) {
    const absl::Status named = Annotate(status, plan_->files[index].entry.path.text());
    observer_->OnFileFailed(index, named);
    Finish(named);
  }

  void Complete() {
    if (std::exchange(completing_, true)) return;
    const bool is_new = brought_something_;
    OnDisk([plan = plan_, is_new, label = LabelOf(request_.selection)](
               const Disk& disk) { return PutUp(disk, *plan, label, is_new); },
           [](Run& run, const absl::Status& status) { run.Finish(status); });
  }

  // Disk pool. What the inventory cannot keep is found again in the tree.
  static absl::Status PutUp(const Disk& disk, const PullPlan& plan, const std::string& label, bool is_new) {
    RETURN_IF_ERROR(disk.cache.WriteRef(disk.repo, disk.revision, plan.commit));
    if (disk.reviewer != nullptr && is_new) {
      const absl::Status trusted = disk.reviewer->Trust(disk.repo, disk.who);
      if (!trusted.ok()) LogWarn("namespace not recorded", Field("error", std::string(MessageOf(trusted))));
    }
    if (disk.inventory == nullptr) return absl::OkStatus();
    std::vector<std::string> paths;
    for (const PlannedFile& file : plan.files) {
      if (file.action != Action::kSkip) paths.push_back(file.entry.path.text());
    }
    const absl::Status kept =
        disk.inventory->RecordPull(disk.repo, plan.commit, label, std::move(paths), is_new);
    if (!kept.ok()) LogWarn("selection not recorded", Field("error", std::string(MessageOf(kept))));
    return absl::OkStatus();
  }

  void Finish(const absl::Status& status) {
    if (observer_ == nullptr) return;
    *is_over_ = true;
    LeaveAll();
    space_ = {};
    lease_ = {};
    std::exchange(observer_, nullptr)->OnFinished(Explained(status));
  }

  void LeaveAll() {
    for (std::optional<TransferId>& flight : flights_) {
      if (flight) context_.transfers.Leave(*std::exchange(flight, std::nullopt));
    }
  }

  const PullContext context_;
  const PullRequest request_;
  hub::Access access_;
  PullObserver* observer_;                                 // null: ended or stopped
  const std::shared_ptr<std::atomic<Priority>> priority_;  // read by requests on other threads
  const std::shared_ptr<transfer::BandwidthLimit> limit_;
  const std::shared_ptr<std::atomic<bool>> is_over_ = std::make_shared<std::atomic<bool>>(false);
  std::mt19937 random_;
  int attempts_ = 0;
  std::shared_ptr<const PullPlan> plan_;
  std::vector<std::vector<size_t>> groups_;         // see Work
  std::vector<std::optional<TransferId>> flights_;  // by group
  std::vector<uint64_t> unwritten_bytes_;           // by group
  std::map<size_t, RepoId> elsewhere_;              // by group: the repo that its blob has come to
  WaitingFlights waiting_;                          // by group
  std::optional<WallTime> told_until_;              // of the wait that the observer knows of
  cache::SpaceLedger::Reservation space_;
  inventory::Leases::Lease lease_;
  bool brought_something_ = false;
  size_t next_ = 0;  // the first group not handed out
  size_t in_flight_ = 0;
  size_t open_groups_ = 0;        // not yet linked
  std::vector<size_t> unlinked_;  // groups whose blobs are there
  bool is_linking_ = false;
  bool completing_ = false;
};

// Owns the run and stops it when dropped.
class OwnedRun final : public PullRun {
 public:
  explicit OwnedRun(std::shared_ptr<Run> run) : run_(std::move(run)) {}

  ~OwnedRun() override { run_->Stop(); }

  void SetPriority(Priority priority) override { run_->SetPriority(priority); }

  void SetLimit(uint64_t bytes_per_second) override { run_->SetLimit(bytes_per_second); }

  void Stop() override { run_->Stop(); }

 private:
  const std::shared_ptr<Run> run_;
};

}  // namespace

std::unique_ptr<PullRun> PullRun::Start(const PullContext& context, PullRequest request, hub::Access access,
                                        PullObserver& observer) {
  context.core.AssertCurrent();
  auto run = std::make_shared<Run>(context, std::move(request), std::move(access), observer);
  run->Begin();
  return std::make_unique<OwnedRun>(std::move(run));
}

}  // namespace batuta::pull
