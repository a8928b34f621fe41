#include "daemon/verify/verification.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "common/text/human.h"
#include "daemon/transfer/token_bucket.h"
#include "daemon/verify/blob_check.h"
#include "daemon/verify/repo_work.h"

namespace batuta::verify {
namespace {

using inventory::FileKey;

constexpr size_t kStepBytes = 1 << 20;
constexpr size_t kMostFindings = 1'000;   // that nobody has taken
constexpr size_t kMostRepairs = 100'000;  // files
constexpr size_t kRecordsAtOnce = 256;
constexpr std::chrono::seconds kNewsEvery{1};

// A file that was changed so short a time ago may be changed again without its time telling.
constexpr std::chrono::seconds kSettled{2};

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

WallTime ToMillis(WallTime time) {
  return FromUnixMillis(ToUnixMillis(time));
}

class Run final : public Verification, public std::enable_shared_from_this<Run> {
 public:
  Run(const VerifyContext& context, VerifyRequest request, std::function<void()> on_news)
      : context_(context),
        request_(std::move(request)),
        on_news_(std::move(on_news)),
        started_(ToMillis(context.clock.wall())),
        told_at_(context.clock.steady()),
        strand_(context.disk) {
    const uint64_t rate = request_.bytes_per_second;
    bucket_.SetRate(rate);
    const size_t piece = rate == 0 ? kStepBytes : static_cast<size_t>(transfer::PieceAt(rate));
    const size_t aligned = (piece + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
    step_bytes_ = std::clamp(aligned, kDirectAlignment, kStepBytes);
  }

  News Take(size_t max_findings) override {
    News news;
    bool goes_on = false;
    {
      MutexLock lock(mutex_);
      news.progress = progress_;
      const auto taken = static_cast<ptrdiff_t>(std::min(max_findings, findings_.size()));
      news.findings.assign(std::make_move_iterator(findings_.begin()),
                           std::make_move_iterator(findings_.begin() + taken));
      findings_.erase(findings_.begin(), findings_.begin() + taken);
      news.has_ended = has_ended_ && findings_.empty();
      news.status = status_;
      goes_on = findings_.size() < kMostFindings && std::exchange(is_held_up_, false);
    }
    if (goes_on) PostStep();
    return news;
  }

  std::vector<Repair> Repairs() const override {
    MutexLock lock(mutex_);
    std::vector<Repair> repairs;
    for (const auto& [place, paths] : broken_) {
      repairs.push_back({place.first, place.second, {paths.begin(), paths.end()}});
    }
    return repairs;
  }

  void Cancel() override {
    if (!is_cancelled_.exchange(true)) PostStep();  // keeps what was found right
  }

  void PostStep() {
    strand_.Post([self = shared_from_this()] { self->Step(); });
  }

 private:
  // --- all below on the strand ---

  void Step() {
    if (is_cancelled_) return Flush();
    if (IsHeldUp()) return;
    const absl::Status status = Advance();
    if (!status.ok()) return End(status);
    if (!failure_.ok()) return End(failure_);
    if (has_finished_) return End(absl::OkStatus());
    TellNowAndThen();
    const Duration pause = std::exchange(pause_, Duration::zero());
    if (pause <= Duration::zero()) return PostStep();
    context_.core.PostAfter(pause, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->PostStep();
    });
  }

  bool IsHeldUp() {
    MutexLock lock(mutex_);
    is_held_up_ = findings_.size() >= kMostFindings;
    return is_held_up_;
  }

  // One small piece of work.
  absl::Status Advance() {
    if (!has_begun_) return Begin();
    if (check_ != nullptr) {
      ReadOn();
    } else if (next_item_ < items_.size()) {
      BeginItem();
    } else if (next_repo_ < repos_.size()) {
      BeginRepo();
    } else {
      Finish();
    }
    return absl::OkStatus();
  }

  absl::Status Begin() {
    has_begun_ = true;
    if (const absl::Status fresh = context_.inventory.RefreshChanged(); !fresh.ok()) {
      LogWarn("inventory not refreshed", Field("error", std::string(MessageOf(fresh))));
    }
    ASSIGN_OR_RETURN(cache::RootListing root, context_.cache.ListRoot());
    repos_ = std::move(root.repos);
    if (!request_.repos.empty()) {
      const std::set<RepoId> only(request_.repos.begin(), request_.repos.end());
      std::erase_if(repos_, [&only](const RepoId& repo) { return only.count(repo) == 0; });
    }
    const std::set<FileKey> keys = CountAll();
    if (IsOfEverything()) {
      context_.verified
          .ForgetGone([&keys](uint64_t device, uint64_t inode) {
            return keys.count({device, inode}) == 1;
          })
          .IgnoreError();
    }
    return absl::OkStatus();
  }

  bool IsOfEverything() const { return request_.repos.empty() && !request_.commit; }

  // What there is to do, as the inventory knows it.
  std::set<FileKey> CountAll() {
    std::set<FileKey> keys;
    Progress sum;
    const auto add = [&sum](uint64_t size_bytes) {
      ++sum.total_files;
      sum.total_bytes += size_bytes;
    };
    for (const RepoId& id : repos_) {
      const auto repo = context_.inventory.Find(id);
      if (repo == nullptr) continue;
      for (const inventory::Snapshot& snapshot : repo->snapshots) {
        if (request_.commit && snapshot.commit != *request_.commit) continue;
        for (const inventory::Selection& selection : snapshot.selections) {
          for (const inventory::File& file : selection.files) {
            if (keys.insert(file.key).second) add(file.size_bytes);
          }
        }
      }
      if (request_.commit) continue;
      for (const cache::LooseFile& file : repo->loose) {
        if (!file.is_unfinished) add(file.size_bytes);
      }
    }
    MutexLock lock(mutex_);
    progress_ = sum;
    return keys;
  }

  void BeginRepo() {
    EndRepo();
    const RepoId& repo = repos_[next_repo_++];
    const auto survey = context_.cache.Survey(repo);
    if (!survey.ok()) {
      has_missed_a_repo_ = true;
      return Report({.repo = repo,
                     .commit = {},
                     .path = {},
                     .problem = Problem::kUnreadable,
                     .detail = std::string(MessageOf(survey.status()))});
    }
    RepoWork work(repo);
    for (const cache::SurveyedSnapshot& snapshot : survey->snapshots) {
      if (request_.commit && snapshot.commit != *request_.commit) continue;
      const auto listing = context_.cache.ReadTree(repo, snapshot.commit);
      const auto pulled = context_.inventory.PulledOf(repo, snapshot.commit);
      work.AddSnapshot(snapshot, listing.ok() ? *listing : std::nullopt,
                       pulled.ok() ? *pulled : std::vector<inventory::PulledSelection>());
    }
    if (!request_.commit) work.AddLoose(survey->loose);
    for (const Finding& finding : work.findings()) Report(finding);
    items_ = work.items();
    next_item_ = 0;
    MutexLock lock(mutex_);
    progress_.unchecked_files += work.unchecked_files();
  }

  // What the inventory knew of these repos is not so any more.
  void EndRepo() {
    const std::set<RepoId> own = std::exchange(written_, {});
    for (const RepoId& repo : std::exchange(changed_, {})) {
      context_.inventory.Refresh(repo).IgnoreError();
      if (own.contains(repo)) context_.inventory.NoteOwnWrites(repo);
    }
  }

  void BeginItem() {
    const Item& item = items_[next_item_++];
    if (item.size_bytes >= cache::KnownPieces::kLeastBytes) large_.insert(item.blob);
    absl::StatusOr<std::unique_ptr<File>> file = context_.cache.OpenToVerify(item.place);
    if (absl::IsNotFound(file.status())) return PassOver(item);  // evicted, or its link has been replaced
    absl::StatusOr<FileInfo> info = file.ok() ? (*file)->Info() : file.status();
    if (!info.ok()) return ReportUnreadable(item, info.status());
    const auto found = context_.verified.WhenFound(*info, item.blob);
    // At the latest it was found so by this run, under another name.
    const WallTime enough = std::min(started_, ToMillis(request_.since.value_or(started_)));
    const bool is_known = found.ok() && found->has_value() && **found >= enough;
    if (is_known && info->size_bytes == item.size_bytes) return PassOver(item);
    const auto known = context_.pieces.Find(item.blob);
    check_ = std::make_unique<BlobCheck>(*std::move(file), *info, item.blob, item.size_bytes,
                                         known.ok() ? *known : cache::PieceSums());
    if (memory_ == nullptr) {
      memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kDirectAlignment, kStepBytes)));
    }
    if (check_->is_done()) EndItem();
  }

  void ReadOn() {
    const absl::StatusOr<size_t> length = check_->ReadMore({memory_.get(), step_bytes_});
    if (!length.ok()) {
      check_.reset();
      return ReportUnreadable(items_[next_item_ - 1], length.status());
    }
    const SteadyTime now = context_.clock.steady();
    pause_ = bucket_.Promise(*length, now) - now;
    {
      MutexLock lock(mutex_);
      progress_.checked_bytes += *length;
    }
    if (check_->is_done()) EndItem();
  }

  void EndItem() {
    const Item& item = items_[next_item_ - 1];
    const absl::StatusOr<BlobCheck::Verdict> verdict = check_->Finish();
    const FileInfo info = check_->info();
    check_.reset();  // and so the file is closed: it would count as in use
    if (!verdict.ok()) return ReportUnreadable(item, verdict.status());
    {
      MutexLock lock(mutex_);
      ++progress_.checked_files;
    }
    if (verdict->is_right) return NoteRight(item, info, verdict->sums);
    if (item.listed_as && item.listed_as->hex() == verdict->hash) {
      MutexLock lock(mutex_);
      ++progress_.unchecked_files;  // its name is no hash of it, but its bytes are right
      return;
    }
    TakeOut(item, info, *verdict);
  }

  void NoteRight(const Item& item, const FileInfo& info, const cache::PieceSums& sums) {
    context_.pieces.Record(item.blob, item.size_bytes, sums).IgnoreError();  // else a repair fetches it whole
    if (context_.clock.wall() - info.modified < kSettled) return;
    right_.push_back({info, item.blob});
    // A file with several names is known by its record when the next one's turn comes.
    if (right_.size() >= kRecordsAtOnce || info.links > 1) Flush();
  }

  void Flush() {
    const absl::Status recorded = context_.verified.Record(std::exchange(right_, {}));
    if (!recorded.ok()) {
      LogWarn("verified files not recorded", Field("error", std::string(MessageOf(recorded))));
    }
  }

  void TakeOut(const Item& item, const FileInfo& info, const BlobCheck::Verdict& verdict) {
    const bool has_size = info.size_bytes == item.size_bytes;
    Finding finding{.repo = item.place.repo,
                    .commit = item.commit,
                    .path = item.path,
                    .blob = item.blob.hex(),
                    .size_bytes = item.size_bytes,
                    .problem = has_size ? Problem::kDamaged : Problem::kWrongSize};
    finding.detail = has_size
                         ? fmt::format("its bytes have the hash {}", verdict.hash)
                         : fmt::format("it is {} bytes long instead of {}", info.size_bytes, item.size_bytes);
    uint64_t good_bytes = 0;
    for (const cache::Extent& extent : verdict.good) good_bytes += extent.end - extent.begin;
    if (good_bytes > 0) finding.damaged_bytes = item.size_bytes - good_bytes;

    if (written_.insert(item.place.repo).second) context_.inventory.NoteOthersWrites(item.place.repo);
    const auto withdrawal =
        context_.cache.Withdraw(item.place, {info, item.blob, item.size_bytes, verdict.good, verdict.sums});
    if (!withdrawal.ok()) {
      failure_ = Annotate(withdrawal.status(), "take a damaged file out of the view");
      return Report(finding);
    }
    if (!withdrawal->has_value()) return;  // it was changed or removed meanwhile
    changed_.insert(item.place.repo);
    if ((*withdrawal)->files.empty()) {
      finding.commit.clear();
      finding.path.clear();
      return Report(finding);
    }
    for (const cache::WithdrawnFile& file : (*withdrawal)->files) {
      changed_.insert(file.repo);
      finding.repo = file.repo;
      finding.commit = file.commit.hex();
      finding.path = file.path;
      Report(finding);
    }
  }

  void PassOver(const Item& item) {
    MutexLock lock(mutex_);
    progress_.total_files -= std::min<uint64_t>(progress_.total_files, 1);
    progress_.total_bytes -= std::min(progress_.total_bytes, item.size_bytes);
  }

  void ReportUnreadable(const Item& item, const absl::Status& status) {
    Report({.repo = item.place.repo,
            .commit = item.commit,
            .path = item.path,
            .blob = item.blob.hex(),
            .size_bytes = item.size_bytes,
            .problem = Problem::kUnreadable,
            .detail = std::string(MessageOf(status))});
  }

  void Report(const Finding& finding) {
    LogInfo("verify", Field("problem", std::string(ToString(finding.problem))),
            Field("repo", finding.repo.folder()), Field("commit", finding.commit),
            Field("path", finding.path), Field("blob", finding.blob));
    {
      MutexLock lock(mutex_);
      const auto commit = CommitId::Parse(finding.commit);
      const bool may_repair = finding.problem != Problem::kUnreadable && commit.ok() && !finding.path.empty();
      if (may_repair && broken_files_ < kMostRepairs) {
        // What was taken out because of another repo is not also missing here.
        if (!broken_[{finding.repo, *commit}].insert(finding.path).second) return;
        ++broken_files_;
      }
      findings_.push_back(finding);
    }
    Tell();
  }

  void Finish() {
    EndRepo();
    if (IsOfEverything() && !has_missed_a_repo_) {
      context_.pieces.ForgetGone([this](const BlobId& blob) { return large_.count(blob) == 1; })
          .IgnoreError();
    }
    has_finished_ = true;
  }

  void End(const absl::Status& status) {
    Flush();
    {
      MutexLock lock(mutex_);
      has_ended_ = true;
      status_ = status;
    }
    Tell();
  }

  void TellNowAndThen() {
    if (context_.clock.steady() - told_at_ < kNewsEvery) return;
    Flush();
    Tell();
  }

  void Tell() {
    told_at_ = context_.clock.steady();
    if (!is_cancelled_) on_news_();
  }

  const VerifyContext context_;
  const VerifyRequest request_;
  const std::function<void()> on_news_;
  const WallTime started_;
  SteadyTime told_at_;  // used on the strand only, as all below up to mutex_
  std::atomic<bool> is_cancelled_ = false;

  transfer::TokenBucket bucket_;
  size_t step_bytes_ = kStepBytes;
  std::unique_ptr<std::byte, Free> memory_;
  absl::Status failure_;  // why it cannot go on
  bool has_begun_ = false;
  bool has_finished_ = false;
  bool has_missed_a_repo_ = false;
  std::vector<RepoId> repos_;
  size_t next_repo_ = 0;
  std::vector<Item> items_;  // of the repo under way
  size_t next_item_ = 0;
  std::unique_ptr<BlobCheck> check_;  // of the item before next_item_
  std::vector<cache::VerifiedFile> right_;
  std::set<RepoId> changed_;
  std::set<RepoId> written_;  // of which is noted what others have written until then
  std::set<BlobId> large_;
  Duration pause_{0};

  mutable Mutex mutex_;
  Progress progress_ ABSL_GUARDED_BY(mutex_);
  std::vector<Finding> findings_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<RepoId, CommitId>, std::set<std::string>> broken_ ABSL_GUARDED_BY(mutex_);
  size_t broken_files_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_held_up_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);

  Strand strand_;
};

// Cancels the run when dropped.
class OwnedRun final : public Verification {
 public:
  explicit OwnedRun(std::shared_ptr<Run> run) : run_(std::move(run)) {}

  ~OwnedRun() override { run_->Cancel(); }

  News Take(size_t max_findings) override { return run_->Take(max_findings); }

  std::vector<Repair> Repairs() const override { return run_->Repairs(); }

  void Cancel() override { run_->Cancel(); }

 private:
  const std::shared_ptr<Run> run_;
};

}  // namespace

std::unique_ptr<Verification> Verification::Start(const VerifyContext& context, VerifyRequest request,
                                                  std::function<void()> on_news) {
  auto run = std::make_shared<Run>(context, std::move(request), std::move(on_news));
  run->PostStep();
  return std::make_unique<OwnedRun>(std::move(run));
}

}  // namespace batuta::verify
