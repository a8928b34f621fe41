#include "daemon/push/planner.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/push/assembly.h"
#include "daemon/push/card_folder.h"
#include "daemon/push/format_check.h"
#include "daemon/push/secret_check.h"
#include "daemon/push/sent_names.h"

namespace batuta::push {

namespace {

constexpr uint64_t kMostListBytes = 4 << 20;  // of a .gitleaksignore, a .gitleaks.toml, a .gitignore
constexpr size_t kQuestionsAtOnce = 4;

// What lies in the folder.
struct Local {
  std::shared_ptr<const Folder> folder;
  FolderListing listing;
  std::string gitleaksignore;
  std::string gitleaks_toml;
  std::string gitignore;
};

absl::StatusOr<std::string> ReadText(FileBytes& file) {
  if (file.size_bytes() > kMostListBytes) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     fmt::format("{} is larger than {} bytes", file.path().text(), kMostListBytes));
  }
  std::string text(static_cast<size_t>(file.size_bytes()), '\0');
  RETURN_IF_ERROR(file.Read(0, std::span(text)));
  return text;
}

// A list that stays here, as it is now.
absl::StatusOr<std::string> ReadList(const Folder& folder, std::string_view name) {
  ASSIGN_OR_RETURN(const RepoPath path, RepoPath::Parse(name));
  ASSIGN_OR_RETURN(const std::unique_ptr<FileBytes> file, folder.FindFile(path));
  return file == nullptr ? std::string() : ReadText(*file);
}

// What the hub is told word for word: as it was listed, which is what is scanned.
absl::StatusOr<std::string> ReadListed(const Folder& folder, const LocalFile& listed) {
  ASSIGN_OR_RETURN(const std::unique_ptr<FileBytes> file, folder.OpenFile(listed));
  return ReadText(*file);
}

absl::StatusOr<std::string> ReadGitIgnore(const Folder& folder, const FolderListing& listing) {
  const auto listed = std::ranges::find_if(
      listing.files, [](const LocalFile& file) { return file.path.text() == ".gitignore"; });
  return listed == listing.files.end() ? std::string() : ReadListed(folder, *listed);
}

absl::StatusOr<std::shared_ptr<const Local>> ReadFolder(const FolderPlace& place) {
  auto local = std::make_shared<Local>();
  ASSIGN_OR_RETURN(local->folder, place.open());
  ASSIGN_OR_RETURN(local->listing, local->folder->Walk());
  ASSIGN_OR_RETURN(local->gitleaksignore, ReadList(*local->folder, ".gitleaksignore"));
  ASSIGN_OR_RETURN(local->gitleaks_toml, ReadList(*local->folder, ".gitleaks.toml"));
  ASSIGN_OR_RETURN(local->gitignore, ReadGitIgnore(*local->folder, local->listing));
  return local;
}

absl::StatusOr<card::Card> ReadCard(const Local& local, const RepoId& repo) {
  CardFolder folder(local.folder, local.listing);
  return card::MakeCard(folder, repo);
}

// What somebody wrote for this push alone. It leaves with the first commit, so only where there is one.
std::vector<TextToScan> TextsOf(const PushRequest& request, const PushPlan& plan) {
  if (std::ranges::none_of(plan.files, IsChange, &PlannedPushFile::change)) return {};
  return {{.path = "//message", .words = "the commit message", .text = request.message},
          {.path = "//description", .words = "the description", .text = request.description}};
}

// What is said of one file before it is sent, and how it begins.
struct Look {
  FormatReport report;
  std::string sample;
};

absl::StatusOr<Look> LookAt(const PlannedPushFile& file, const Local& local, guard::Verdicts& verdicts) {
  ASSIGN_OR_RETURN(const RepoPath path, RepoPath::Parse(file.path));
  if (file.made != nullptr)
    return Look{.report = CheckFormat(path, *file.made), .sample = file.made->substr(0, hub::kSampleBytes)};
  ASSIGN_OR_RETURN(const std::unique_ptr<FileBytes> bytes, local.folder->OpenFile({path, file.stamp}));
  Look look;
  look.sample.resize(static_cast<size_t>(std::min<uint64_t>(file.size_bytes, hub::kSampleBytes)));
  RETURN_IF_ERROR(bytes->Read(0, std::span(look.sample)));
  ASSIGN_OR_RETURN(look.report, CheckFormat(*file.sha256, *bytes, verdicts,
                                            /*keeps=*/local.folder->realm().empty()));
  RETURN_IF_ERROR(bytes->CheckUnchanged());
  return look;
}

// Makes one plan. On the core sequence; what blocks runs on the pool and comes back.
class PlanTask final : public Planning, public std::enable_shared_from_this<PlanTask> {
 public:
  PlanTask(const PlannerContext& context, ContentIds& ids, PushRequest request, hub::Access access,
           Planner::OnProgress on_progress, Planner::OnPlan done)
      : context_(context),
        ids_(ids),
        request_(std::move(request)),
        access_(std::move(access)),
        on_progress_(std::move(on_progress)),
        done_(std::move(done)) {}

  void Begin() {
    if (context_.offline) {
      return Fail(MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                            "a push needs the hub, and this daemon is offline",
                            "start it again without HF_HUB_OFFLINE: batuta daemon stop"));
    }
    absl::StatusOr<FolderPlace> place =
        PlaceOf(request_.served, request_.path, context_.served, context_.pool);
    if (!place.ok()) return Fail(place.status());
    pool_ = place->pool;
    Progress({.phase = "listing"});
    OnPool([place = *std::move(place)] { return ReadFolder(place); },
           [](PlanTask& self, absl::StatusOr<std::shared_ptr<const Local>> local) {
             if (!local.ok()) return self.Fail(local.status());
             self.local_ = *std::move(local);
             self.Join();
           });
    AskRepo(request_.branch);
  }

  void End() {
    is_over_->store(true);
    done_ = nullptr;
    if (hashing_) ids_.Cancel(*std::exchange(hashing_, std::nullopt));
    scan_.reset();
  }

 private:
  bool has_ended() const { return is_over_->load(); }

  void Progress(const PlanProgress& progress) {
    if (on_progress_) on_progress_(progress);
  }

  void Fail(const absl::Status& status) {
    if (has_ended()) return;
    auto done = std::move(done_);
    End();
    done(status);
  }

  // Calls `then` with what came, unless the plan was dropped meanwhile.
  template <typename Result, typename Then>
  auto Back(Then then) {
    return [weak = weak_from_this(), then = std::move(then)](Result result) mutable {
      if (auto self = weak.lock(); self && !self->has_ended()) then(*self, std::move(result));
    };
  }

  template <typename Work, typename Then>
  void OnPool(Work work, Then then) {
    Sequence& core = context_.core;
    pool_->Post([&core, weak = weak_from_this(), work = std::move(work), then = std::move(then)]() mutable {
      auto result = work();
      core.Post([weak, then = std::move(then), result = std::move(result)]() mutable {
        if (auto self = weak.lock(); self && !self->has_ended()) then(*self, std::move(result));
      });
    });
  }

  // Where the branch stands: never as it is remembered, for the commit is held against it.
  void AskRepo(const Revision& branch) {
    hub::Access access = access_;
    access.memory = hub::Memory::kRenew;
    context_.hub.GetRepo(request_.repo, branch, access,
                         Back<absl::StatusOr<hub::RepoInfo>>(
                             [branch](PlanTask& self, const absl::StatusOr<hub::RepoInfo>& info) {
                               self.OnRepo(branch, info);
                             }));
  }

  void OnRepo(const Revision& branch, const absl::StatusOr<hub::RepoInfo>& info) {
    if (!info.ok()) {
      const std::string why = ReasonOf(info.status());
      if (why == reason::kRevisionNotFound) {
        remote_.exists = true;
        // A branch that is not there leaves the main one; where that is missing as well, nothing is there at
        // all.
        if (branch != Revision::Main() && !request_.create_pr) return AskRepo(Revision::Main());
        if (request_.create_pr) return Fail(info.status());
        remote_.has_branch = true;
        is_asked_ = true;
        return Join();
      }
      if (why != reason::kRepoNotFound) return Fail(info.status());
      if (access_.token.empty()) {
        return Fail(MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenMissing,
                              fmt::format("a push to {} needs a token", request_.repo.id()),
                              "log in with a token that may write: batuta hf login"));
      }
      is_asked_ = true;
      return Join();
    }
    remote_.exists = true;
    remote_.has_branch = branch == request_.branch;
    remote_.is_private = info->summary.is_private;
    remote_.license = info->license;
    context_.hub.ListTree(request_.repo, info->commit, access_,
                          Back<absl::StatusOr<Tree>>([](PlanTask& self, absl::StatusOr<Tree> tree) {
                            if (!tree.ok()) return self.Fail(tree.status());
                            self.remote_.tree = *std::move(tree);
                            self.is_asked_ = true;
                            self.Join();
                          }));
  }

  // Both sides are known: what differs?
  void Join() {
    if (local_ == nullptr || !is_asked_) return;
    const Tree* const tree = remote_.tree ? &*remote_.tree : nullptr;
    const std::vector<NeededId> needed = NeededIds(local_->listing.files, tree);
    std::vector<ContentIds::Wanted> wanted;
    wanted.reserve(needed.size());
    // What differs is sent, and scanned, by its sha256.
    for (size_t i = 0; i < needed.size(); ++i)
      wanted.push_back({local_->listing.files[i], std::max(needed[i], NeededId::kSha256)});
    hashing_ = ids_.Find(
        local_->folder, std::move(wanted),
        Back<ContentIds::Progress>([](PlanTask& self, const ContentIds::Progress& progress) {
          self.Progress({.phase = "hashing",
                         .done_bytes = progress.done_bytes,
                         .total_bytes = progress.total_bytes,
                         .files_done = static_cast<uint32_t>(progress.files_done),
                         .files_total = static_cast<uint32_t>(progress.files_total)});
        }),
        Back<absl::StatusOr<ContentIds::Found>>([](PlanTask& self, absl::StatusOr<ContentIds::Found> found) {
          self.hashing_.reset();
          if (!found.ok()) return self.Fail(found.status());
          self.OnIds(*found);
        }),
        pool_);
  }

  void OnIds(const ContentIds::Found& found) {
    plan_ = Assemble(request_, local_->listing, found.ids, remote_);
    plan_.bytes_read = found.bytes_read;
    if (!WantsCard(request_, local_->listing, remote_, plan_)) return LookAtFiles();
    OnPool([local = local_, repo = request_.repo] { return ReadCard(*local, repo); },
           [](PlanTask& self, const absl::StatusOr<card::Card>& card) {
             if (ReasonOf(card.status()) == reason::kFileChanged) return self.Fail(card.status());
             if (!card.ok()) {
               // A card that is there and cannot be completed, for example: its format is judged below.
               self.plan_.warnings.emplace_back(MessageOf(card.status()));
             } else if (absl::Status added = AddCard(*card, self.remote_, &self.plan_); !added.ok()) {
               return self.Fail(added);
             }
             self.LookAtFiles();
           });
  }

  // Is each of them what it claims to be?
  void LookAtFiles() {
    sent_.clear();
    for (size_t i = 0; i < plan_.files.size(); ++i) {
      if (IsSent(plan_.files[i].change)) sent_.push_back(i);
    }
    auto files = std::make_shared<std::vector<PlannedPushFile>>();
    for (const size_t i : sent_) files->push_back(plan_.files[i]);
    Progress({.phase = "scanning", .files_total = static_cast<uint32_t>(files->size())});
    OnPool(
        [files, local = local_, &verdicts = context_.verdicts,
         is_over = is_over_]() -> absl::StatusOr<std::vector<Look>> {
          std::vector<Look> looks;
          looks.reserve(files->size());
          for (const PlannedPushFile& file : *files) {
            if (is_over->load()) return absl::CancelledError();
            ASSIGN_OR_RETURN(Look look, LookAt(file, *local, verdicts));
            looks.push_back(std::move(look));
          }
          return looks;
        },
        [](PlanTask& self, absl::StatusOr<std::vector<Look>> looks) {
          if (!looks.ok()) return self.Fail(looks.status());
          self.OnLooks(*std::move(looks));
        });
  }

  void OnLooks(std::vector<Look> looks) {
    for (size_t i = 0; i < looks.size(); ++i) {
      PlannedPushFile& file = plan_.files[sent_[i]];
      FormatReport& report = looks[i].report;
      file.warning = std::move(report.warning);
      if (!report.reason.empty())
        plan_.refusals.push_back(
            {.path = file.path, .reason = report.reason, .text = std::move(report.objection)});
    }
    looks_ = std::move(looks);
    Scan();
  }

  // Every byte that would be sent, and every word that goes with them.
  void Scan() {
    SecretRequest wanted;
    wanted.texts = TextsOf(request_, plan_);
    wanted.allowances = request_.allow_secrets;
    wanted.realm = local_->folder->realm();
    wanted.gitleaksignore = local_->gitleaksignore;
    wanted.gitleaks_toml = local_->gitleaks_toml;
    std::map<std::string, PlannedPushFile> by_path;
    for (const PlannedPushFile& file : plan_.files) {
      if (!IsSent(file.change)) continue;
      wanted.files.push_back({.path = file.path, .sha256 = *file.sha256, .size_bytes = file.size_bytes});
      by_path.emplace(file.path, file);
    }
    wanted.open = [local = local_,
                   by_path = std::move(by_path)](const FileToScan& file) -> absl::StatusOr<OpenedFile> {
      const PlannedPushFile& planned = by_path.at(file.path);
      if (planned.made != nullptr)
        return OpenedFile{.bytes = std::make_unique<safety::MemorySource>(*planned.made)};
      ASSIGN_OR_RETURN(const RepoPath path, RepoPath::Parse(file.path));
      ASSIGN_OR_RETURN(std::unique_ptr<FileBytes> bytes, local->folder->OpenFile({path, planned.stamp}));
      const FileBytes* const borrowed = bytes.get();
      return OpenedFile{.bytes = std::move(bytes),
                        .check_unchanged = [borrowed] { return borrowed->CheckUnchanged(); }};
    };
    scan_ = SecretCheck::Start(
        {.runner = context_.core,
         .pool = *pool_,
         .store = context_.store,
         .clock = context_.clock,
         .metrics = context_.metrics},
        std::move(wanted), Back<SecretProgress>([](PlanTask& self, const SecretProgress& progress) {
          self.Progress({.phase = "scanning",
                         .done_bytes = progress.done_bytes,
                         .total_bytes = progress.total_bytes,
                         .files_done = progress.files_done,
                         .files_total = progress.files_total});
        }),
        Back<absl::StatusOr<SecretOutcome>>([](PlanTask& self, absl::StatusOr<SecretOutcome> outcome) {
          if (!outcome.ok()) return self.Fail(outcome.status());
          self.OnScanned(*std::move(outcome));
        }));
  }

  void OnScanned(SecretOutcome outcome) {
    plan_.findings = std::move(outcome.verdict.findings);
    plan_.findings_allowed = outcome.verdict.allowed;
    plan_.bytes_read += outcome.bytes_read;
    for (std::string& warning : outcome.warnings) plan_.warnings.push_back(std::move(warning));
    for (const std::string& unread : outcome.verdict.unread)
      plan_.warnings.push_back(fmt::format("{}: not scanned for secrets", unread));
    for (const std::string& unused : outcome.verdict.unused_allowances)
      plan_.warnings.push_back(fmt::format("--allow-secret {}: there is no such finding", unused));
    if (plan_.findings.empty()) return AskHub();
    HideNames(outcome.hidden_names, &plan_);
    Conclude();  // not a byte of it goes to the hub
  }

  // How does the hub want to have them? What is not there yet cannot be asked. The question carries the first
  // bytes of each file, so it is put only when they may leave.
  void AskHub() {
    if (!remote_.exists || sent_.empty()) return CheckCard();
    Progress({.phase = "asking", .files_total = static_cast<uint32_t>(sent_.size())});
    for (size_t i = 0; i < kQuestionsAtOnce; ++i) AskNext();
  }

  void AskNext() {
    if (asked_ == sent_.size()) {
      if (questions_ == 0) CheckCard();
      return;
    }
    const size_t begin = asked_;
    asked_ = std::min(begin + hub::kMostPreuploadFiles, sent_.size());
    std::vector<hub::PreuploadFile> files;
    std::vector<size_t> positions;
    for (size_t i = begin; i < asked_; ++i) {
      const PlannedPushFile& file = plan_.files[sent_[i]];
      absl::StatusOr<RepoPath> path = RepoPath::Parse(file.path);
      if (!path.ok()) return Fail(path.status());
      files.push_back(
          {.path = *std::move(path), .size_bytes = file.size_bytes, .sample = std::move(looks_[i].sample)});
      positions.push_back(sent_[i]);
    }
    ++questions_;
    const Revision branch = remote_.has_branch ? request_.branch : Revision::Main();
    context_.writer.Preupload(
        request_.repo, branch, request_.create_pr, files, ListThatIsPushed(), access_,
        Back<absl::StatusOr<std::vector<hub::PreuploadAnswer>>>(
            [positions = std::move(positions)](PlanTask& self,
                                               absl::StatusOr<std::vector<hub::PreuploadAnswer>> answers) {
              --self.questions_;
              if (!answers.ok()) return self.Fail(answers.status());
              Take(*answers, positions, &self.plan_);
              self.Progress({.phase = "asking",
                             .files_done = static_cast<uint32_t>(self.asked_),
                             .files_total = static_cast<uint32_t>(self.sent_.size())});
              self.AskNext();
            }));
  }

  // The text of the .gitignore, unless it stays here itself: then nobody has scanned it.
  std::string ListThatIsPushed() const {
    const auto list = std::ranges::find(plan_.files, ".gitignore", &PlannedPushFile::path);
    return list == plan_.files.end() || list->change == Change::kIgnored ? std::string() : local_->gitignore;
  }

  // The hub refuses a commit whose card it cannot read.
  void CheckCard() {
    const auto readme = std::ranges::find(plan_.files, "README.md", &PlannedPushFile::path);
    if (readme == plan_.files.end() || !IsSent(readme->change)) return Conclude();
    OnPool(
        [local = local_, file = *readme]() -> absl::StatusOr<std::string> {
          if (file.made != nullptr) return *file.made;
          ASSIGN_OR_RETURN(const RepoPath path, RepoPath::Parse(file.path));
          return ReadListed(*local->folder, {path, file.stamp});
        },
        [](PlanTask& self, const absl::StatusOr<std::string>& text) {
          if (absl::IsInvalidArgument(text.status()))
            return self.Conclude();  // too large: the commit will tell
          if (!text.ok()) return self.Fail(text.status());
          self.plan_.license = CardLicense(*text);
          self.context_.writer.CheckCard(
              self.request_.repo.type(), *text, self.access_,
              self.Back<absl::StatusOr<hub::CardCheck>>(
                  [](PlanTask& planning, const absl::StatusOr<hub::CardCheck>& check) {
                    planning.OnCardChecked(check);
                  }));
        });
  }

  void OnCardChecked(const absl::StatusOr<hub::CardCheck>& check) {
    if (check.ok()) {
      for (const std::string& error : check->errors)
        plan_.refusals.push_back({.path = "README.md", .reason = reason::kInvalidContent, .text = error});
      for (const std::string& warning : check->warnings)
        plan_.warnings.push_back(fmt::format("README.md: {}", warning));
    } else {
      LogInfo("card not checked",
              Field("error", std::string(MessageOf(check.status()))));  // the commit will tell
    }
    Conclude();
  }

  void Conclude() {
    push::Conclude(request_.message, &plan_);
    auto done = std::move(done_);
    PushPlan plan = std::move(plan_);
    End();
    done(std::move(plan));
  }

  const PlannerContext context_;
  ContentIds& ids_;
  const PushRequest request_;
  const hub::Access access_;
  const Planner::OnProgress on_progress_;
  Planner::OnPlan done_;
  const std::shared_ptr<std::atomic<bool>> is_over_ = std::make_shared<std::atomic<bool>>(false);

  WorkerPool* pool_ = nullptr;  // what blocks on the folder runs there
  std::shared_ptr<const Local> local_;
  RemoteState remote_;
  bool is_asked_ = false;
  std::optional<ContentIds::RequestId> hashing_;
  PushPlan plan_;
  std::vector<size_t> sent_;  // positions in plan_.files
  std::vector<Look> looks_;   // of these
  size_t asked_ = 0;          // of sent_
  size_t questions_ = 0;      // under way
  std::unique_ptr<SecretCheck> scan_;
};

// Ends the task when its caller drops it.
class Handle final : public Planning {
 public:
  explicit Handle(std::shared_ptr<PlanTask> task) : task_(std::move(task)) {}

  ~Handle() override { task_->End(); }

 private:
  const std::shared_ptr<PlanTask> task_;
};

}  // namespace

Planner::Planner(const PlannerContext& context)
    : context_(context), ids_(context.store, context.clock, context.pool, context.core) {}

Planner::~Planner() = default;

std::unique_ptr<Planning> Planner::Plan(PushRequest request, hub::Access access, OnProgress on_progress,
                                        OnPlan done) {
  context_.core.AssertCurrent();
  auto task = std::make_shared<PlanTask>(context_, ids_, std::move(request), std::move(access),
                                         std::move(on_progress), std::move(done));
  context_.core.Post([weak = std::weak_ptr(task)] {
    if (auto self = weak.lock()) self->Begin();
  });
  return std::make_unique<Handle>(std::move(task));
}

void Planner::PreviewCard(const std::filesystem::path& folder, const std::optional<ServedBy>& served,
                          const RepoId& repo, absl::AnyInvocable<void(absl::StatusOr<card::Card>)> done) {
  absl::StatusOr<FolderPlace> place = PlaceOf(served, folder, context_.served, context_.pool);
  if (!place.ok()) return done(place.status());
  WorkerPool& pool = *place->pool;
  pool.Post([place = *std::move(place), repo, done = std::move(done)]() mutable {
    const absl::StatusOr<std::shared_ptr<const Local>> local = ReadFolder(place);
    done(local.ok() ? ReadCard(**local, repo) : local.status());
  });
}

}  // namespace batuta::push
