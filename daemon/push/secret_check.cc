#include "daemon/push/secret_check.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "common/text/human.h"
#include "daemon/metrics/daemon_metrics.h"
#include "daemon/push/scan_records.h"
#include "daemon/secrets/rule_set.h"
#include "daemon/secrets/scanner.h"

namespace batuta::push {
namespace {

constexpr uint64_t kTimesTold = 100;

// How far all threads together are.
class Counts {
 public:
  explicit Counts(std::span<const FileToScan> files) : total_files_(static_cast<uint32_t>(files.size())) {
    for (const FileToScan& file : files) total_bytes_ += file.size_bytes;
  }

  void AddBytes(uint64_t bytes) { done_bytes_ += bytes; }

  void AddFile() { ++done_files_; }

  // Is there enough news to tell?
  bool TakeNews() {
    const uint64_t part = Part();
    uint64_t told = told_part_;
    return part > told && told_part_.compare_exchange_strong(told, part);
  }

  SecretProgress progress() const {
    return {.done_bytes = done_bytes_,
            .total_bytes = total_bytes_,
            .files_done = done_files_,
            .files_total = total_files_};
  }

 private:
  // Files count a little as well: a thousand empty ones take their time.
  uint64_t Part() const {
    constexpr uint64_t kPerFile = 4096;
    const uint64_t all = total_bytes_ + total_files_ * kPerFile;
    return all == 0 ? 0
                    : static_cast<uint64_t>(static_cast<double>(done_bytes_ + done_files_ * kPerFile) *
                                            kTimesTold / static_cast<double>(all));
  }

  const uint32_t total_files_;
  uint64_t total_bytes_ = 0;
  std::atomic<uint64_t> done_bytes_ = 0;
  std::atomic<uint32_t> done_files_ = 0;
  std::atomic<uint64_t> told_part_ = 0;
};

// What lives on the runner: gone when the check is dropped.
struct Listener {
  SecretCheck::OnProgress on_progress;
  SecretCheck::OnDone done;
};

// What the threads of a check share. It looks into the files, the largest first, some side by side; between
// two files a thread goes to the end of the pool's queue, so that a long check holds up nobody.
class Work : public std::enable_shared_from_this<Work> {
 public:
  Work(const SecretCheck::Context& context, SecretRequest request, std::weak_ptr<Listener> listener)
      : context_(context),
        request_(std::move(request)),
        listener_(std::move(listener)),
        order_(request_.files.size()),
        counts_(request_.files),
        judge_(request_.allowances, request_.gitleaksignore) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::ranges::stable_sort(order_, std::greater(),
                             [this](size_t index) { return request_.files[index].size_bytes; });
  }

  void Start() {
    context_.pool.Post([self = shared_from_this()] { self->Prepare(); });
  }

  void Stop() { is_over_ = true; }

 private:
  class WatchedSource;

  using MaybeScanner = std::optional<secrets::Scanner>;

  void Prepare();
  absl::Status PrepareRules();
  absl::Status LookAtWords();
  void GoOn(MaybeScanner scanner);
  void EndLane();
  absl::Status Look(const FileToScan& file, MaybeScanner& scanner);
  absl::StatusOr<secrets::ScanReport> Scan(const FileToScan& file, MaybeScanner& scanner);
  absl::StatusOr<secrets::Scanner> NewScanner() const;
  void Fail(absl::Status status);
  void TellProgress();
  void TellEnd();

  const SecretCheck::Context context_;
  const SecretRequest request_;
  const std::weak_ptr<Listener> listener_;
  std::vector<size_t> order_;
  std::atomic<size_t> next_ = 0;
  std::atomic<int> lanes_ = 0;
  std::atomic<bool> is_over_ = false;  // dropped, or failed: nobody needs the rest
  Counts counts_;
  std::atomic<uint32_t> remembered_ = 0;
  std::atomic<uint64_t> bytes_read_ = 0;

  // Set by Prepare(), then constant:
  std::shared_ptr<const secrets::RuleSet> rules_;
  std::vector<std::string> warnings_;
  std::optional<ScanRecords> records_;
  NameFindings names_;

  Mutex mutex_;
  SecretJudge judge_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

// Counts what is read for the first time, and ends when the check does.
class Work::WatchedSource final : public safety::ByteSource {
 public:
  WatchedSource(safety::ByteSource& bytes, Work& work) : bytes_(bytes), work_(work) {}

  ~WatchedSource() override = default;
  WatchedSource(const WatchedSource&) = delete;
  WatchedSource& operator=(const WatchedSource&) = delete;

  uint64_t size_bytes() const override { return bytes_.size_bytes(); }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    if (work_.is_over_)
      return MakeError(absl::StatusCode::kCancelled, reason::kCancelled, "the check was ended");
    RETURN_IF_ERROR(bytes_.Read(offset, out));
    work_.bytes_read_ += out.size();
    if (work_.context_.metrics != nullptr) work_.context_.metrics->secret_scanned_bytes.Add(out.size());
    if (const uint64_t end = offset + out.size(); end > furthest_) {
      work_.counts_.AddBytes(end - furthest_);
      furthest_ = end;
      work_.TellProgress();
    }
    return absl::OkStatus();
  }

  uint64_t furthest() const { return furthest_; }

 private:
  safety::ByteSource& bytes_;
  Work& work_;
  uint64_t furthest_ = 0;
};

absl::Status Work::PrepareRules() {
  const std::string& toml = request_.gitleaks_toml;
  bool by_path = false;
  if (toml.empty()) {
    ASSIGN_OR_RETURN(rules_, secrets::RuleSet::BuiltIn());
  } else {
    absl::StatusOr<secrets::UserRules> user = secrets::ParseGitleaksToml(toml);
    absl::Status status = user.status();
    if (status.ok()) {
      warnings_ = user->warnings;
      by_path = user->look_at_paths();
      absl::StatusOr<std::shared_ptr<const secrets::RuleSet>> rules =
          secrets::RuleSet::Make(*std::move(user));
      status = rules.status();
      if (status.ok()) rules_ = *std::move(rules);
    }
    if (absl::IsInvalidArgument(status)) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                       fmt::format(".gitleaks.toml: {}", Printable(MessageOf(status))),
                       "correct the rule, or take it out");
    }
    RETURN_IF_ERROR(status);
  }
  records_.emplace(context_.store, context_.clock, RulesName(toml, request_.allows_comments, request_.realm),
                   by_path);
  return absl::OkStatus();
}

absl::StatusOr<secrets::Scanner> Work::NewScanner() const {
  return secrets::Scanner::Create(rules_, {.allows_comments = request_.allows_comments});
}

// What leaves beside the bytes of files. It is little, so one thread looks at all of it.
absl::Status Work::LookAtWords() {
  ASSIGN_OR_RETURN(secrets::Scanner scanner, NewScanner());
  const auto scan = [&scanner](std::string_view path, std::string_view text) {
    safety::MemorySource source(text);
    return scanner.Scan(path, source);
  };
  for (const TextToScan& text : request_.texts) {
    ASSIGN_OR_RETURN(secrets::ScanReport report, scan(text.path, text.text));
    for (secrets::Finding& finding : report.findings) finding.path = text.words;
    MutexLock lock(mutex_);
    judge_.Add(text.path, std::move(report));
  }
  for (const FileToScan& file : request_.files) {
    if (is_over_) break;
    ASSIGN_OR_RETURN(const secrets::ScanReport found, scan(kNamePath, file.path));
    secrets::ScanReport told = names_.Tell(file.path, found);
    MutexLock lock(mutex_);
    judge_.Add(fmt::format("{}/{}", kNamePath, names_.Shown(file.path)), std::move(told));
  }
  return absl::OkStatus();
}

void Work::Prepare() {
  if (is_over_) return;
  absl::Status prepared = PrepareRules();
  if (prepared.ok()) prepared = LookAtWords();
  if (!prepared.ok()) {
    Fail(std::move(prepared));
    return TellEnd();
  }
  const auto files = static_cast<int>(std::min<size_t>(request_.files.size(), 1'000));
  const int lanes = std::max(1, std::min(context_.side_by_side, files));
  lanes_ = lanes;
  for (int i = 0; i < lanes; ++i) {
    context_.pool.Post([self = shared_from_this()] { self->GoOn(std::nullopt); });
  }
}

void Work::GoOn(MaybeScanner scanner) {
  const size_t position = is_over_ ? order_.size() : next_++;
  if (position >= order_.size()) {
    if (--lanes_ > 0) return;
    TellEnd();
    if (is_over_) return;
    if (const auto forgotten = records_->ForgetOld(); !forgotten.ok()) {
      LogWarn("old scans not forgotten", Field("error", std::string(MessageOf(forgotten.status()))));
    }
    return;
  }
  absl::Status looked = Look(request_.files[order_[position]], scanner);
  if (!looked.ok()) Fail(std::move(looked));
  context_.pool.Post([self = shared_from_this(), scanner = std::move(scanner)]() mutable {
    self->GoOn(std::move(scanner));
  });
}

absl::Status Work::Look(const FileToScan& file, MaybeScanner& scanner) {
  std::optional<secrets::ScanReport> report = records_->Find(file.sha256, file.path);
  if (report.has_value()) {
    ++remembered_;
    counts_.AddBytes(file.size_bytes);
  } else {
    ASSIGN_OR_RETURN(report, Scan(file, scanner));
    records_->Keep(file.sha256, file.path, *report);
  }
  counts_.AddFile();
  TellProgress();
  MutexLock lock(mutex_);
  judge_.Add(file.path, *std::move(report));
  return absl::OkStatus();
}

absl::StatusOr<secrets::ScanReport> Work::Scan(const FileToScan& file, MaybeScanner& scanner) {
  if (!scanner.has_value()) {
    ASSIGN_OR_RETURN(secrets::Scanner created, NewScanner());
    scanner.emplace(std::move(created));
  }
  ASSIGN_OR_RETURN(OpenedFile opened, request_.open(file));
  WatchedSource source(*opened.bytes, *this);
  absl::StatusOr<secrets::ScanReport> report = scanner->Scan(file.path, source);
  // What became of the file explains an error of reading better than that does; and nothing is remembered of
  // bytes that may be others.
  if (opened.check_unchanged) RETURN_IF_ERROR(opened.check_unchanged());
  if (!report.ok()) return Annotate(report.status(), Quoted(file.path));
  counts_.AddBytes(file.size_bytes - std::min(file.size_bytes, source.furthest()));
  return report;
}

void Work::Fail(absl::Status status) {
  MutexLock lock(mutex_);
  if (is_over_.exchange(true)) return;
  failure_ = std::move(status);
}

void Work::TellProgress() {
  if (!counts_.TakeNews()) return;
  context_.runner.Post([listener = listener_, progress = counts_.progress()] {
    const std::shared_ptr<Listener> alive = listener.lock();
    if (alive != nullptr && alive->done && alive->on_progress) alive->on_progress(progress);
  });
}

void Work::TellEnd() {
  SecretOutcome outcome;
  absl::Status failure;
  {
    MutexLock lock(mutex_);
    failure = failure_;
    outcome.verdict = judge_.Finish();
  }
  outcome.hidden_names = names_.hidden();
  outcome.warnings = warnings_;
  outcome.files_remembered = remembered_;
  outcome.bytes_read = bytes_read_;
  context_.runner.Post(
      [listener = listener_, failure = std::move(failure), outcome = std::move(outcome)]() mutable {
        const std::shared_ptr<Listener> alive = listener.lock();
        if (alive == nullptr) return;
        SecretCheck::OnDone done = std::exchange(alive->done, nullptr);
        if (failure.ok()) {
          done(std::move(outcome));
        } else {
          done(std::move(failure));
        }
      });
}

class StartedCheck final : public SecretCheck {
 public:
  StartedCheck(const Context& context, SecretRequest request, OnProgress on_progress, OnDone done)
      : listener_(std::make_shared<Listener>(Listener{std::move(on_progress), std::move(done)})),
        work_(std::make_shared<Work>(context, std::move(request), listener_)) {
    work_->Start();
  }

  ~StartedCheck() override { work_->Stop(); }

  StartedCheck(const StartedCheck&) = delete;
  StartedCheck& operator=(const StartedCheck&) = delete;

 private:
  const std::shared_ptr<Listener> listener_;
  const std::shared_ptr<Work> work_;
};

}  // namespace

std::unique_ptr<SecretCheck> SecretCheck::Start(const Context& context, SecretRequest request,
                                                OnProgress on_progress, OnDone done) {
  return std::make_unique<StartedCheck>(context, std::move(request), std::move(on_progress), std::move(done));
}

}  // namespace batuta::push
