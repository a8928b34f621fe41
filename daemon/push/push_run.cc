#include "daemon/push/push_run.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/push/assembly.h"
#include "daemon/push/blob_upload.h"
#include "daemon/push/inline_content.h"
#include "daemon/push/served_folder.h"
#include "daemon/push/upload_journal.h"
#include "daemon/push/upload_source.h"

namespace batuta::push {

namespace {

class Run final : public std::enable_shared_from_this<Run> {
 public:
  Run(const PushContext& context, PushRequest request, hub::Access access, PushObserver& observer)
      : context_(context),
        request_(std::move(request)),
        access_(std::move(access)),
        priority_(std::make_shared<std::atomic<Priority>>(request_.priority)),
        observer_(&observer),
        limit_(std::make_shared<transfer::BandwidthLimit>(request_.limit_bytes_per_second)),
        gate_(std::make_shared<transfer::BandwidthGate>(context.overall, context.core, context.clock)),
        slots_(std::make_unique<UploadSlots>(context.connections)) {}

  void Begin() {
    Sequence& core = context_.core;
    gate_->SetLimits({limit_});
    access_.changing_priority = priority_;
    access_.on_waiting = [weak = weak_from_this(), &core](const transport::WaitInfo& info) {
      core.Post([weak, info] {
        if (auto self = weak.lock(); self && self->observer_ != nullptr)
          self->observer_->OnWaiting(info, absl::OkStatus(), 0);
      });
    };
    core.Post([weak = weak_from_this()] {
      if (auto self = weak.lock(); self && self->observer_ != nullptr) self->Open();
    });
  }

  void End() {
    observer_ = nullptr;
    planning_.reset();
    uploads_.clear();
    commit_.reset();
  }

  void SetPriority(Priority priority) { *priority_ = priority; }

  void SetLimit(uint64_t bytes_per_second) { limit_->Set(bytes_per_second); }

 private:
  const RepoId& repo() const { return request_.repo; }

  PushMemory& memory() { return request_.memory; }

  // Where the commits go.
  const Revision& branch() const {
    return request_.memory.branch ? *request_.memory.branch : request_.branch;
  }

  // One object on its way; its progress is told of the first file that wants it.
  class Flight final : public UploadObserver {
   public:
    Flight(Run& run, BlobId blob) : run_(run), blob_(std::move(blob)) {}

    void OnProgress(uint64_t done_bytes, uint64_t sent_bytes) override {
      run_.observer_->OnFileProgress(run_.wanted_.at(blob_).front(), done_bytes, sent_bytes);
    }

    void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) override {
      run_.observer_->OnWaiting(info, cause, attempt);
    }

    void OnFinished(const absl::Status& status) override { run_.OnSent(blob_, status); }

    std::unique_ptr<BlobUpload> upload;

   private:
    Run& run_;
    const BlobId blob_;
  };

  template <typename Work, typename Then>
  void OnPool(Work work, Then then) {
    OnPool(context_.pool, std::move(work), std::move(then));
  }

  template <typename Work, typename Then>
  void OnPool(WorkerPool& pool, Work work, Then then) {
    pool.Post([&core = context_.core, weak = weak_from_this(), work = std::move(work),
               then = std::move(then)]() mutable {
      auto result = work();
      core.Post([weak, then = std::move(then), result = std::move(result)]() mutable {
        if (auto self = weak.lock(); self && self->observer_ != nullptr) then(*self, std::move(result));
      });
    });
  }

  // Calls `then` with what came, unless the run was dropped meanwhile.
  template <typename Result, typename Then>
  auto Back(Then then) {
    return [weak = weak_from_this(), then = std::move(then)](Result result) mutable {
      if (auto self = weak.lock(); self && self->observer_ != nullptr) then(*self, std::move(result));
    };
  }

  // Asks, and asks again after a pause while what comes is transient and the push may wait.
  template <typename T, typename Ask, typename Then>
  void Try(Ask ask, Then then) {
    ask(*this,
        Back<absl::StatusOr<T>>([ask, then = std::move(then)](Run& self, absl::StatusOr<T> result) mutable {
          if (result.ok()) {
            self.attempts_ = 0;
            return then(self, *std::move(result));
          }
          if (!IsTransient(result.status()) || !self.request_.may_wait) return self.Finish(result.status());
          self.Again(result.status(), [ask, then = std::move(then)](Run& later) mutable {
            later.Try<T>(std::move(ask), std::move(then));
          });
        }));
  }

  template <typename Then>
  void Again(const absl::Status& why, Then then) {
    ++attempts_;
    const auto delay = NextDelay(context_.backoff, attempts_, RetryAfterOf(why),
                                 std::uniform_real_distribution<double>(0, 1)(random_));
    observer_->OnWaiting({.reason = "network", .window = "", .until = context_.clock.wall() + delay}, why,
                         attempts_);
    context_.core.PostAfter(delay, [weak = weak_from_this(), then = std::move(then)]() mutable {
      if (auto self = weak.lock(); self && self->observer_ != nullptr) then(*self);
    });
  }

  // What must not be forgotten is kept before the run goes on.
  template <typename Then>
  void Keep(Then then) {
    observer_->OnMemory(memory(), [weak = weak_from_this(), then = std::move(then)]() mutable {
      if (auto self = weak.lock(); self && self->observer_ != nullptr) then(*self);
    });
  }

  void Finish(const absl::StatusOr<PushOutcome>& outcome) {
    PushObserver* const observer = observer_;
    End();
    if (observer != nullptr) observer->OnFinished(outcome);
  }

  // Of a run before this one a commit may have been under way.
  void Open() {
    const std::string& endpoint = context_.hub.endpoint();
    if (!request_.endpoint.empty() && request_.endpoint != endpoint) {
      return Finish(MakeError(
          absl::StatusCode::kFailedPrecondition, reason::kDaemonMismatch,
          fmt::format("the push was to go to {}, and this daemon serves {}", request_.endpoint, endpoint),
          fmt::format("push again, with a daemon that was started with HF_ENDPOINT={}", request_.endpoint)));
    }
    if (!memory().intent) return Plan();
    commit_ = Committer::Settle(CommitterOf(), CallerOf(), *memory().intent, Committed());
  }

  void Plan() {
    observer_->OnPhase(Phase::kPlanning);
    PushRequest request = request_;
    request.branch = branch();
    if (memory().branch) request.create_pr = false;  // it is there
    planning_ =
        context_.planner.Plan(std::move(request), access_, nullptr,
                              Back<absl::StatusOr<PushPlan>>([](Run& self, absl::StatusOr<PushPlan> plan) {
                                self.planning_.reset();
                                if (plan.ok()) return self.OnPlan(*std::move(plan));
                                if (!IsTransient(plan.status()) || !self.request_.may_wait)
                                  return self.Finish(plan.status());
                                self.Again(plan.status(), [](Run& later) { later.Plan(); });
                              }));
  }

  void OnPlan(PushPlan plan) {
    attempts_ = 0;
    plan_ = std::move(plan);
    observer_->OnPlanned(plan_);
    if (observer_ == nullptr) return;
    if (absl::Status refusal = RefusalOf(plan_); !refusal.ok()) return Finish(refusal);
    if (!memory().is_agreed && !request_.plan_digest.empty() && request_.plan_digest != plan_.digest) {
      return Finish(MakeError(absl::StatusCode::kAborted, reason::kPlanChanged,
                              "the folder or the repo changed since the plan was made",
                              "push again, and look at the new plan"));
    }
    if (memory().is_agreed && memory().folder != plan_.folder) {
      return Finish(MakeError(absl::StatusCode::kAborted, reason::kPlanChanged,
                              "the folder changed since the push began",
                              "push again, and look at the new plan"));
    }
    if (memory().is_agreed && HasMoved()) return Finish(Moved());
    if (plan_.commits == 0) return FinishUnchanged();
    memory().is_agreed = true;
    memory().folder = plan_.folder;
    memory().head = plan_.head;
    Keep([](Run& self) { self.Prepare(); });
  }

  // Did somebody else change what the commits go to? In a repo that was made for them there is nothing of
  // anybody else's yet.
  bool HasMoved() const {
    const std::optional<CommitId>& head = request_.memory.head;
    if (head) return plan_.head != head;
    return std::ranges::any_of(plan_.files, [](const PlannedPushFile& file) {
      const bool replaces = file.change == Change::kModified || file.change == Change::kDeleted;
      return replaces && file.path != ".gitattributes";  // the hub makes that one itself
    });
  }

  absl::Status Moved() const {
    return MakeError(absl::StatusCode::kAborted, reason::kRevisionMoved,
                     fmt::format("{} of {} moved while it was pushed to", branch().text(), repo().id()),
                     "push again: the plan is made against what is there now, and nothing is sent twice");
  }

  void FinishUnchanged() {
    if (!plan_.head) {
      return Finish(MakeError(absl::StatusCode::kNotFound, reason::kNothingSelected,
                              "there is nothing to push",
                              "the folder holds no file, or its ignore files leave none"));
    }
    Finish(PushOutcome{.commit = *plan_.head, .url = UrlOf(*plan_.head)});
  }

  std::string UrlOf(const CommitId& commit) const {
    if (!request_.memory.pull_request_url.empty()) return request_.memory.pull_request_url;
    if (!request_.memory.commit_url.empty()) return request_.memory.commit_url;
    return fmt::format("{}/{}{}/commit/{}", context_.hub.endpoint(), repo().url_prefix(), repo().id(),
                       commit.hex());
  }

  // What the push goes to must be there; then the plan is made against it.
  void Prepare() {
    if (plan_.creates_repo) {
      return Try<hub::CreatedRepo>(
          [](Run& self, auto done) {
            self.context_.writer.CreateRepo({.repo = self.repo(),
                                             .is_private = self.request_.is_private,
                                             .space_sdk = self.request_.space_sdk},
                                            self.access_, std::move(done));
          },
          [](Run& self, const hub::CreatedRepo&) { self.Plan(); });
    }
    if (plan_.creates_branch) {
      return Try<bool>(
          [](Run& self, auto done) {
            self.context_.writer.CreateBranch(self.repo(), self.request_.branch, self.plan_.head,
                                              self.access_, std::move(done));
          },
          [](Run& self, bool) { self.Plan(); });
    }
    if (request_.create_pr && !memory().branch) return OpenPullRequest();
    commits_ = CommitsOf(plan_, request_.message);
    BeginPart();
  }

  void OpenPullRequest() {
    const std::string title = CommitsOf(plan_, request_.message).parts.front().summary;
    Try<hub::PullRequest>(
        [title](Run& self, auto done) {
          self.context_.writer.OpenPullRequest(self.repo(), title, self.request_.description, self.access_,
                                               std::move(done));
        },
        [](Run& self, const hub::PullRequest& opened) {
          self.memory().branch = opened.branch;
          self.memory().pull_request_url = opened.url;
          self.Keep([](Run& kept) { kept.Plan(); });
        });
  }

  const CommitPart& part() const { return commits_.parts[part_]; }

  PlannedPushFile& FileOf(size_t change) { return plan_.files[commits_.files[change]]; }

  void BeginPart() {
    if (part_ == commits_.parts.size()) return RenewMemory();
    observer_->OnPhase(Phase::kUploading);
    wanted_.clear();
    for (const size_t change : part().changes) {
      const PlannedPushFile& file = FileOf(change);
      if (IsSent(file.change) && file.is_lfs) wanted_[*file.sha256].push_back(commits_.files[change]);
    }
    waiting_.clear();
    for (const auto& [blob, files] : wanted_) waiting_.push_back(blob);
    AskPlaces();
  }

  // What is remembered of the repo is from before its commits: whoever asks next is told of them.
  void RenewMemory() {
    hub::Access access = access_;
    access.memory = hub::Memory::kRenew;
    context_.hub.GetRepo(
        repo(), branch(), access,
        Back<absl::StatusOr<hub::RepoInfo>>([](Run& self, const absl::StatusOr<hub::RepoInfo>&) {
          const CommitId& head = *self.memory().head;
          self.Finish(PushOutcome{.commit = head, .url = self.UrlOf(head)});
        }));
  }

  // Places for the next objects, a batch at a time: what a place is good for does not last. An upload that
  // was begun before has one.
  void AskPlaces() {
    if (waiting_.empty()) return ReadInline();
    std::vector<hub::LfsObject> objects;
    uint64_t bytes = 0;
    while (!waiting_.empty() && objects.size() < hub::kMostLfsObjects) {
      const BlobId& blob = waiting_.back();
      const uint64_t size = plan_.files[wanted_.at(blob).front()].size_bytes;
      bytes += size;
      if (!objects.empty() && bytes > hub::kMostLfsBytes) break;
      objects.push_back({.sha256 = blob, .size_bytes = size});
      waiting_.pop_back();
    }
    OnPool(
        [&store = context_.store, endpoint = context_.hub.endpoint(), repo = repo(), realm = Realm(),
         objects] {
          const UploadJournal journal(store, endpoint, repo, realm);
          std::vector<bool> begun;
          for (const hub::LfsObject& object : objects) begun.push_back(journal.Find(object).has_value());
          return begun;
        },
        [objects](Run& self, const std::vector<bool>& begun) {
          std::vector<hub::LfsObject> unknown;
          for (size_t i = 0; i < objects.size(); ++i) {
            if (begun[i]) {
              self.ready_.push_back({.object = objects[i]});
            } else {
              unknown.push_back(objects[i]);
            }
          }
          if (unknown.empty()) return self.Send({});
          self.Try<std::vector<hub::LfsUpload>>(
              [unknown](Run& asking, auto done) {
                asking.context_.writer.BeginUploads(asking.repo(), asking.BatchBranch(), unknown,
                                                    asking.access_, std::move(done));
              },
              [](Run& answered, std::vector<hub::LfsUpload> uploads) { answered.Send(std::move(uploads)); });
        });
  }

  std::optional<Revision> BatchBranch() const {
    return request_.memory.branch ? std::nullopt : std::optional(request_.branch);
  }

  void Send(std::vector<hub::LfsUpload> uploads) {
    for (hub::LfsUpload& upload : uploads) {
      if (!upload.refusal.ok()) return Finish(upload.refusal);
      if (upload.is_stored) {
        MarkSent(upload.object.sha256, /*was_stored=*/true);
      } else {
        ready_.push_back(std::move(upload));
      }
    }
    SendMore();
  }

  void MarkSent(const BlobId& blob, bool was_stored) {
    const std::vector<size_t>& files = wanted_.at(blob);
    for (size_t i = 0; i < files.size(); ++i) observer_->OnFileSent(files[i], was_stored || i > 0);
  }

  // A few objects at a time, each of which waits for slots.
  void SendMore() {
    const absl::StatusOr<FolderPlace> place = Place();
    if (!place.ok()) return Finish(place.status());
    while (!ready_.empty() && uploads_.size() < 2 * context_.connections) {
      hub::LfsUpload upload = std::move(ready_.back());
      ready_.pop_back();
      const BlobId blob = upload.object.sha256;
      auto flight = std::make_unique<Flight>(*this, blob);
      UploadRequest request{.endpoint = context_.hub.endpoint(),
                            .repo = repo(),
                            .branch = BatchBranch(),
                            .access = access_,
                            .may_wait = request_.may_wait,
                            .upload = std::move(upload),
                            .realm = Realm(),
                            .open = OpenerOf(plan_.files[wanted_.at(blob).front()], *place)};
      flight->upload = BlobUpload::Start({.writer = context_.writer,
                                          .http = context_.http,
                                          .store = context_.store,
                                          .core = context_.core,
                                          .disk = context_.disk,
                                          .clock = context_.clock,
                                          .backoff = context_.backoff,
                                          .readers = request_.served ? place->pool : nullptr,
                                          .stall_timeout = context_.stall_timeout,
                                          .gate = gate_,
                                          .metrics = context_.metrics},
                                         std::move(request), *slots_, *flight);
      uploads_.emplace(blob, std::move(flight));
    }
    if (uploads_.empty()) AskPlaces();
  }

  std::string Realm() const { return request_.served ? RealmOf(request_.served->uid) : std::string(); }

  absl::StatusOr<FolderPlace> Place() const {
    return PlaceOf(request_.served, request_.path, context_.served, context_.pool);
  }

  // Not from within the upload's own call: that ends with it.
  void OnSent(const BlobId& blob, const absl::Status& status) {
    if (status.ok()) MarkSent(blob, /*was_stored=*/false);
    context_.core.Post([weak = weak_from_this(), blob, status] {
      auto self = weak.lock();
      if (!self || self->observer_ == nullptr) return;
      if (!status.ok()) return self->Finish(status);
      self->uploads_.erase(blob);
      self->SendMore();
    });
  }

  // What goes into the commit itself.
  void ReadInline() {
    observer_->OnPhase(Phase::kCommitting);
    std::vector<PlannedPushFile> files;
    for (const size_t change : part().changes) {
      const PlannedPushFile& file = FileOf(change);
      if (IsSent(file.change) && !file.is_lfs) files.push_back(file);
    }
    absl::StatusOr<FolderPlace> place = Place();
    if (!place.ok()) return Finish(place.status());
    OnPool(
        *place->pool, [place = *place, files = std::move(files)] { return ReadInlineContents(place, files); },
        [](Run& self, absl::StatusOr<InlineContents> contents) {
          if (!contents.ok()) return self.Finish(contents.status());
          self.MakeCommit(*std::move(contents));
        });
  }

  void MakeCommit(InlineContents contents) {
    hub::CommitRequest commit{.repo = repo(),
                              .branch = branch(),
                              .summary = part().summary,
                              .description = request_.description,
                              .parent = memory().head};
    CommitIntent intent{.branch = branch(), .parent = memory().head, .summary = part().summary};
    for (const size_t change : part().changes) {
      const PlannedPushFile& file = FileOf(change);
      const RepoPath& path = commits_.changes[change].path;
      if (file.change == Change::kDeleted) {
        commit.changes.emplace_back(hub::DeletedFile{path});
        intent.files.push_back({file.path, ""});
      } else if (file.is_lfs) {
        commit.changes.emplace_back(hub::LfsFile{path, {*file.sha256, file.size_bytes}});
        intent.files.push_back({file.path, file.sha256->hex()});
      } else {
        auto content = contents.find(file.path);
        intent.files.push_back(
            {file.path, file.git_sha1 ? file.git_sha1->hex() : GitSha1Of(content->second)});
        commit.changes.emplace_back(hub::InlineFile{path, std::move(content->second)});
      }
    }
    memory().intent = intent;
    auto request = std::make_shared<hub::CommitRequest>(std::move(commit));
    Keep([intent, request](Run& self) {
      self.commit_ =
          Committer::Make(self.CommitterOf(), self.CallerOf(), intent, std::move(*request), self.Committed());
    });
  }

  CommitterContext CommitterOf() const {
    return {.hub = context_.hub,
            .writer = context_.writer,
            .core = context_.core,
            .clock = context_.clock,
            .backoff = context_.backoff};
  }

  CommitterCaller CallerOf() {
    return {.repo = repo(),
            .access = access_,
            .may_wait = request_.may_wait,
            .on_waiting = [weak = weak_from_this()](const transport::WaitInfo& info,
                                                    const absl::Status& cause, int attempt) {
              if (auto self = weak.lock(); self && self->observer_ != nullptr)
                self->observer_->OnWaiting(info, cause, attempt);
            }};
  }

  // A commit is made, by this run or by the one before it; or it turned out not to be.
  Committer::Done Committed() {
    return Back<absl::StatusOr<Committer::Outcome>>(
        [](Run& self, absl::StatusOr<Committer::Outcome> outcome) {
          self.memory().intent.reset();
          const absl::Status status = outcome.status();
          if (outcome.ok() && outcome->has_value()) {
            self.memory().head = (*outcome)->commit;
            self.memory().commit_url = (*outcome)->url;
          }
          // After what ended so, the intent means nothing any more.
          self.Keep([status](Run& kept) {
            kept.commit_.reset();
            if (!status.ok()) return kept.Finish(status);
            kept.OnCommitted();
          });
        });
  }

  void OnCommitted() {
    if (commits_.parts.empty()) return Plan();  // of a run before this one
    for (const size_t change : part().changes) {
      const size_t index = commits_.files[change];
      const PlannedPushFile& file = plan_.files[index];
      if (IsSent(file.change) && !file.is_lfs)
        observer_->OnFileProgress(index, file.size_bytes, file.size_bytes);
      observer_->OnFileCommitted(index);
    }
    ++part_;
    BeginPart();
  }

  const PushContext context_;
  PushRequest request_;
  hub::Access access_;
  const std::shared_ptr<std::atomic<Priority>> priority_;
  PushObserver* observer_;
  const std::shared_ptr<transfer::BandwidthLimit> limit_;
  const std::shared_ptr<transfer::BandwidthGate> gate_;
  std::mt19937 random_{std::random_device()()};
  int attempts_ = 0;

  std::unique_ptr<Planning> planning_;
  PushPlan plan_;
  PlannedCommits commits_;
  size_t part_ = 0;                               // of commits_
  std::map<BlobId, std::vector<size_t>> wanted_;  // objects of the part → files
  std::vector<BlobId> waiting_;                   // of these, without a place yet
  std::vector<hub::LfsUpload> ready_;             // with a place, not begun
  std::unique_ptr<UploadSlots> slots_;
  std::map<BlobId, std::unique_ptr<Flight>> uploads_;
  std::unique_ptr<Committer> commit_;
};

}  // namespace

std::string_view ToString(Phase phase) {
  switch (phase) {
    case Phase::kPlanning:
      return "planning";
    case Phase::kUploading:
      return "uploading";
    case Phase::kCommitting:
      return "committing";
  }
  return "";
}

namespace {

// Stops the run when its owner drops it.
class Handle final : public PushRun {
 public:
  explicit Handle(std::shared_ptr<Run> run) : run_(std::move(run)) {}

  ~Handle() override { run_->End(); }

  void SetPriority(Priority priority) override { run_->SetPriority(priority); }

  void SetLimit(uint64_t bytes_per_second) override { run_->SetLimit(bytes_per_second); }

 private:
  const std::shared_ptr<Run> run_;
};

}  // namespace

std::unique_ptr<PushRun> PushRun::Start(const PushContext& context, PushRequest request, hub::Access access,
                                        PushObserver& observer) {
  auto run = std::make_shared<Run>(context, std::move(request), std::move(access), observer);
  run->Begin();
  return std::make_unique<Handle>(std::move(run));
}

}  // namespace batuta::push
