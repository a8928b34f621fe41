#include "daemon/pull/pull_run.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/pull/conversion.h"
#include "daemon/pull/first_look.h"
#include "daemon/pull/refusals.h"
#include "daemon/pull/run_disk.h"
#include "daemon/pull/waiting_flights.h"

namespace batuta::pull {

namespace {

using transfer::TransferId;

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
    observer_ = ending_ = nullptr;
    *is_over_ = true;
    LeaveAll();
    look_ = nullptr;
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
    auto disk = std::make_shared<Disk>(
        Disk{context_.cache, context_.space, context_.inventory, context_.verified, context_.reviewer, guard_,
             files_, request_.repo, request_.revision, access_.principal, context_.admission, is_over_});
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
    // First: what is cached makes a plan, and the words in which it fails.
    Admit(std::nullopt, [](Run& run) { run.MakePlan(); });
  }

  void MakePlan() {
    context_.planner.Plan(request_, access_, [weak = weak_from_this()](absl::StatusOr<PullPlan> plan) {
      auto self = weak.lock();
      if (!self || self->observer_ == nullptr) return;
      if (!plan.ok()) return self->OnPlanFailed(plan.status());
      const auto brings = TakesAny(*plan) ? std::optional(plan->commit) : std::nullopt;
      self->Admit(brings, [made = *std::move(plan)](Run& run) mutable { run.OnPlan(std::move(made)); });
    });
  }

  void Admit(const std::optional<CommitId>& brings, absl::AnyInvocable<void(Run&)> then) {
    if (context_.admission == nullptr) return then(*this);
    hub::Access access = access_;
    if (request_.offline) access.memory = hub::Memory::kOnly;
    context_.admission->Admit(
        request_.repo, request_.revision, access, brings,
        [weak = weak_from_this(), then = std::move(then)](const absl::Status& admitted) mutable {
          auto self = weak.lock();
          if (self && self->observer_ != nullptr) admitted.ok() ? then(*self) : self->OnPlanFailed(admitted);
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
    if (context_.guard != nullptr) {
      const auto consent = guard::MakeConsent(request_.repo.type(), request_.selection.allow_unsafe,
                                              request_.selection.allow_malicious);
      if (!consent.ok()) return Finish(consent.status());
      guard_ = std::make_shared<guard::PullGuard>(*context_.guard, request_.repo, plan_->commit, *consent,
                                                  access_.principal);
      files_ = std::make_shared<CommitFiles>(context_.cache, request_.repo, plan_);
    }
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

  void OnMeasured(absl::StatusOr<Work> work) {
    if (!work.ok()) return Finish(work.status());
    for (size_t index = 0; index < plan_->files.size(); ++index) {
      if (plan_->files[index].action == PlannedFile::Action::kCached) Warn(index);
    }
    for (const size_t index : work->linked) {
      Warn(index);
      observer_->OnFileCached(index);
      if (observer_ == nullptr) return;
    }
    for (const auto& [index, refusal] : work->refused) Refuse(index, refusal);
    groups_ = std::move(work->groups);
    brought_something_ = !groups_.empty() || !work->linked.empty();
    unwritten_bytes_ = std::move(work->unwritten_bytes);
    fetched_groups_ = groups_.size();
    for (std::vector<size_t>& files : work->held_back) {
      held_back_.push_back(groups_.size());
      groups_.push_back(std::move(files));
      unwritten_bytes_.push_back(0);
    }
    flights_.resize(groups_.size());
    sources_.resize(groups_.size());
    open_groups_ = groups_.size();
    if (groups_.empty()) return Advance();
    Look();
  }

  // By ranges, at what is worth it.
  void Look() {
    std::vector<FirstLook::Blob> blobs;
    for (size_t group = 0; guard_ != nullptr && group < fetched_groups_; ++group) {
      const Entry& entry = FirstOf(group).entry;
      const bool is_begun = unwritten_bytes_[group] < entry.size_bytes;
      if (!is_begun && IsWorthAPrecheck(entry)) blobs.push_back({group, entry, SourceOf(group)});
    }
    if (blobs.empty()) return MakeRoom();
    look_ = FirstLook::Start(context_.core, context_.disk, context_.turns, guard_, std::move(blobs),
                             [weak = weak_from_this()](std::vector<FirstLook::Seen> seen) {
                               if (auto self = weak.lock()) self->OnLooked(std::move(seen));
                             });
  }

  void OnLooked(std::vector<FirstLook::Seen> seen) {
    for (FirstLook::Seen& one : seen) {
      if (one.status.ok()) {
        if (one.bytes->held_bytes() == 0) continue;
        seeds_.push_back(
            {.group = one.group, .entry = FirstOf(one.group).entry, .bytes = std::move(one.bytes)});
        continue;
      }
      for (const size_t index : groups_[one.group]) Refuse(index, one.status);
      if (observer_ == nullptr) return;
      is_refused_.insert(one.group);
      --open_groups_;
    }
    MakeRoom();
  }

  void MakeRoom() {
    uint64_t needed_bytes = 0;
    for (size_t group = 0; group < groups_.size(); ++group) {
      if (!is_refused_.contains(group)) needed_bytes += unwritten_bytes_[group];
    }

    struct Room {
      absl::StatusOr<cache::SpaceLedger::Reservation> space;
      std::vector<Seed> seeds;
    };

    OnPool(
        context_.upkeep,
        [needed_bytes, seeds = std::move(seeds_)](const Disk& disk) mutable {
          Room room{disk.space.Reserve(disk.cache, needed_bytes), std::move(seeds)};
          if (!room.space.ok()) return room;
          for (Seed& seed : room.seeds) Sow(disk, &seed);
          return room;
        },
        [](Run& run, Room room) {
          if (!room.space.ok()) return run.Finish(room.space.status());
          run.space_ = *std::move(room.space);
          for (const Seed& seed : room.seeds) run.CountSeed(seed);
          run.Advance();
          run.look_ = nullptr;  // others may join now
        });
  }

  void CountSeed(const Seed& seed) {
    if (seed.kept_bytes == 0 || observer_ == nullptr) return;
    UseSpace(seed.group, seed.kept_bytes);
    observer_->OnFileProgress(groups_[seed.group].front(), seed.kept_bytes, seed.kept_bytes);
  }

  // Hands out blobs up to the window; when no group is open any more, the snapshot is complete.
  void Advance() {
    const bool can_link = context_.cache.abilities().hard_links && context_.cache.abilities().symlinks;
    const bool shares = context_.admission == nullptr || context_.admission->Shares(request_.repo);
    while (in_flight_ < context_.window && next_ < fetched_groups_) {
      if (is_refused_.contains(next_)) {
        ++next_;
        continue;
      }
      Move(next_++, /*elsewhere_will_do=*/can_link && shares);
    }
    if (open_groups_ == 0) return Complete();
    if (open_groups_ > held_back_.size()) return;
    // All that could come is here; what was refused does not come.
    is_last_try_ = true;
    unlinked_ = std::exchange(held_back_, {});
    LinkMore();
  }

  void Move(size_t group, bool elsewhere_will_do) {
    const Entry& entry = FirstOf(group).entry;
    ++in_flight_;
    transfer::TransferSpec spec{.repo = request_.repo,
                                .entry = entry,
                                .source = SourceOf(group),
                                .priority = *priority_,
                                .may_wait = request_.may_wait,
                                .principal = access_.principal,
                                .job = access_.job,
                                .elsewhere_will_do = elsewhere_will_do,
                                .limit = limit_,
                                .guard = GuardOf(group)};
    sources_[group] = nullptr;
    flights_[group] =
        context_.transfers.Join(std::move(spec), std::make_shared<Flight>(weak_from_this(), group));
  }

  // One for the look and for the transfer: the link that the resolver gave serves both.
  std::shared_ptr<transport::RangeSource> SourceOf(size_t group) {
    if (sources_[group] == nullptr) {
      sources_[group] = context_.hub.OpenFile(request_.repo, plan_->commit, FirstOf(group).entry, access_);
    }
    return sources_[group];
  }

  std::shared_ptr<transfer::BlobGuard> GuardOf(size_t group) const {
    if (guard_ == nullptr) return nullptr;
    std::vector<Entry> files;
    for (const size_t index : groups_[group]) files.push_back(plan_->files[index].entry);
    return guard_->GuardOf(std::move(files));
  }

  // What the hub's scanners say of it, and what was found in it.
  void Warn(size_t index) {
    if (observer_ == nullptr) return;
    const PlannedFile& file = plan_->files[index];
    std::string warning = file.warning;
    const std::string found = guard_ == nullptr ? std::string() : guard_->WarningOf(file.entry.path.text());
    if (!warning.empty() && !found.empty()) warning += "; ";
    warning += found;
    if (!warning.empty()) observer_->OnFileWarned(index, warning);
  }

  void Refuse(size_t index, const absl::Status& refusal) {
    const std::string& path = plan_->files[index].entry.path.text();
    refused_.emplace_back(path, refusal);
    if (observer_ != nullptr) observer_->OnFileFailed(index, Annotate(refusal, path));
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
    if (guard::IsRefusal(status)) return RefuseGroup(group, status);
    if (!status.ok()) return FailFile(groups_[group].front(), status);
    UseSpace(group, FirstOf(group).entry.size_bytes);
    unlinked_.push_back(group);
    LinkMore();
    Advance();
    TellWait();
  }

  void RefuseGroup(size_t group, const absl::Status& refusal) {
    for (const size_t index : groups_[group]) Refuse(index, refusal);
    space_.Use(unwritten_bytes_[group]);
    unwritten_bytes_[group] = 0;
    --open_groups_;
    if (observer_ != nullptr) Advance();
  }

  // One task at a time: while it runs, the next groups gather.
  void LinkMore() {
    if (is_linking_ || unlinked_.empty()) return;
    is_linking_ = true;
    std::vector<LinkTask> tasks;
    tasks.reserve(unlinked_.size());
    for (const size_t group : std::exchange(unlinked_, {})) {
      LinkTask task{.group = group,
                    .files = groups_[group],
                    .elsewhere = {},
                    .is_last_try = is_last_try_,
                    .result = {}};
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

  void OnLinked(const std::vector<LinkTask>& linked) {
    is_linking_ = false;
    for (const LinkTask& task : linked) {
      if (task.must_move) {
        Move(task.group, /*elsewhere_will_do=*/false);
        continue;
      }
      if (task.must_wait) {
        held_back_.push_back(task.group);
        continue;
      }
      if (guard::IsRefusal(task.result)) {
        RefuseGroup(task.group, task.result);
        if (observer_ == nullptr) return;
        continue;
      }
      if (!task.result.ok()) return FailFile(task.files.front(), task.result);
      --open_groups_;
      for (const size_t index : task.files) {
        Warn(index);
        TellLinked(task.group, index);
        if (observer_ == nullptr) return;
      }
    }
    LinkMore();
    Advance();
  }

  void TellLinked(size_t group, size_t index) {
    if (group < fetched_groups_) return observer_->OnFileDone(index);
    if (plan_->files[index].action != PlannedFile::Action::kCached) observer_->OnFileCached(index);
  }

  void FailFile(size_t index, const absl::Status& status) {
    const absl::Status named = Annotate(status, plan_->files[index].entry.path.text());
    observer_->OnFileFailed(index, named);
    Finish(named);
  }

  void Complete() {
    if (std::exchange(completing_, true)) return;
    if (!refused_.empty()) {
      return NameConversion(context_.hub, request_, access_, RefusedTogether(refused_),
                            [weak = weak_from_this()](const absl::Status& refusal) {
                              if (auto self = weak.lock()) self->Finish(refusal);
                            });
    }
    const bool is_new = brought_something_;
    OnDisk([plan = plan_, is_new, label = LabelOf(request_.selection)](
               const Disk& disk) { return PutUp(disk, *plan, label, is_new); },
           [](Run& run, const absl::Status& status) { run.Finish(status); });
  }

  void Finish(const absl::Status& status) {
    if (observer_ == nullptr) return;
    *is_over_ = true;
    LeaveAll();
    look_ = nullptr;
    space_ = {};
    lease_ = {};
    ending_ = std::exchange(observer_, nullptr);
    if (context_.admission == nullptr || status.ok()) return TellEnd(Explained(status));
    context_.admission->OnEnded(request_.repo, access_, Explained(status),
                                [weak = weak_from_this()](const absl::Status& why) {
                                  if (auto self = weak.lock()) self->TellEnd(why);
                                });
  }

  void TellEnd(const absl::Status& status) {
    if (ending_ != nullptr) std::exchange(ending_, nullptr)->OnFinished(status);
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
  PullObserver* ending_ = nullptr;                         // to be told of the end
  const std::shared_ptr<std::atomic<Priority>> priority_;  // read by requests on other threads
  const std::shared_ptr<transfer::BandwidthLimit> limit_;
  const std::shared_ptr<std::atomic<bool>> is_over_ = std::make_shared<std::atomic<bool>>(false);
  std::mt19937 random_;
  int attempts_ = 0;
  std::shared_ptr<const PullPlan> plan_;
  std::vector<std::vector<size_t>> groups_;                       // see Work; those held back come last
  size_t fetched_groups_ = 0;                                     // the others
  std::vector<std::optional<TransferId>> flights_;                // by group
  std::vector<std::shared_ptr<transport::RangeSource>> sources_;  // by group, until it is on its way
  std::vector<uint64_t> unwritten_bytes_;                         // by group
  std::map<size_t, RepoId> elsewhere_;       // by group: the repo that its blob has come to
  WaitingFlights waiting_;                   // by group
  std::optional<WallTime> told_until_;       // of the wait that the observer knows of
  std::shared_ptr<guard::PullGuard> guard_;  // null: everything may come in
  std::shared_ptr<CommitFiles> files_;       // there with the guard
  std::shared_ptr<FirstLook> look_;
  std::vector<Seed> seeds_;
  std::vector<std::pair<std::string, absl::Status>> refused_;  // path, why
  std::set<size_t> is_refused_;                                // groups that the look before has refused
  cache::SpaceLedger::Reservation space_;
  inventory::Leases::Lease lease_;
  bool brought_something_ = false;
  size_t next_ = 0;  // the first group not handed out
  size_t in_flight_ = 0;
  size_t open_groups_ = 0;         // not yet linked
  std::vector<size_t> unlinked_;   // groups whose blobs are there
  std::vector<size_t> held_back_;  // groups whose blobs are there, and wait for what they speak of
  bool is_last_try_ = false;       // nothing else is on its way
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
