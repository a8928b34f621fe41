#include "daemon/jobs/pull_job.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::jobs {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

namespace {

// The speed shown is the mean over this long.
constexpr std::chrono::seconds kRateWindow{3};
constexpr milliseconds kSampleEvery{200};

// Refusals that a token may overcome.
bool WantsCredentials(const absl::Status& status) {
  const std::string why = ReasonOf(status);
  return why == reason::kTokenMissing || why == reason::kRepoGated || why == reason::kRepoNotFound;
}

}  // namespace

PullJob::PullJob(JobRecord record, const pull::PullContext& context, std::function<void(Event)> on_event)
    : context_(context),
      on_event_(std::move(on_event)),
      record_(std::move(record)),
      sequence_(static_cast<uint64_t>(ToUnixMillis(context.clock.wall())) * 1'000) {}

PullJob::~PullJob() = default;

void PullJob::Run(Secret token) {
  if (HasEnded(record_.state) || run_ != nullptr) return;
  has_token_ = !token.empty();
  ClearWaiting();
  if (record_.had_token && !has_token_) {
    waits_for_credentials_ = true;
    waiting_reason_ = "credentials";
    last_error_ = "the token is not kept across a restart of the daemon";
    return SetState(JobState::kWaiting);
  }
  running_since_ = context_.clock.steady();
  hub::Access access{.principal = record_.owner,
                     .job = record_.id,
                     .token = std::move(token),
                     .priority = record_.request.priority,
                     .may_wait = record_.request.may_wait,
                     .on_waiting = {}};
  run_ = pull::PullRun::Start(context_, record_.request, std::move(access), *this);
  SetState(JobState::kRunning);
}

void PullJob::StopRun() {
  record_.elapsed_ms = RunningMillis();
  running_since_.reset();
  run_.reset();
  samples_.clear();
  ClearWaiting();
  waits_for_credentials_ = false;
}

void PullJob::Pause() {
  StopRun();
  SetState(JobState::kPaused);
}

void PullJob::Cancel() {
  StopRun();
  End(JobState::kCancelled, absl::OkStatus());
}

void PullJob::SetPriority(Priority priority) {
  record_.request.priority = priority;
  if (run_ != nullptr) run_->SetPriority(priority);
  SetState(record_.state);
}

void PullJob::SetLimit(uint64_t bytes_per_second) {
  record_.request.limit_bytes_per_second = bytes_per_second;
  if (run_ != nullptr) run_->SetLimit(bytes_per_second);
  SetState(record_.state);
}

void PullJob::Suspend() {
  StopRun();
}

void PullJob::End(JobState state, const absl::Status& error) {
  record_.finished = context_.clock.wall();
  record_.error = error;
  SetState(state);
}

void PullJob::SetState(JobState state) {
  record_.state = state;
  ++sequence_;
  on_event_(Event::kState);
}

void PullJob::ClearWaiting() {
  waiting_reason_.clear();
  waiting_until_.reset();
  last_error_.clear();
  attempts_ = 0;
}

void PullJob::SetDone(JobFile& file, uint64_t done_bytes) {
  done_bytes_ += done_bytes - file.done_bytes;  // may wrap down: the sum stays right
  file.done_bytes = done_bytes;
  Touch(file);
}

void PullJob::OnPlanned(const pull::PullPlan& plan) {
  record_.commit = plan.commit.hex();
  record_.snapshot_path = plan.snapshot_path.string();
  if (plan.choice) record_.request.choice = plan.choice;  // once made, it stands
  review_ = plan.review != nullptr && plan.review->says_something() ? plan.review : nullptr;
  const std::vector<JobFile> before = std::exchange(files_, {});
  changes_.clear();
  files_.reserve(plan.files.size());
  total_bytes_ = done_bytes_ = 0;
  files_total_ = files_done_ = 0;
  for (const pull::PlannedFile& planned : plan.files) {
    const size_t index = files_.size();
    const bool fetched_before = before.size() == plan.files.size() &&
                                before[index].status == JobFile::Status::kDownloaded &&
                                before[index].path == planned.entry.path.text();
    AddFile(planned, fetched_before);
  }
  on_event_(Event::kState);
}

// A file that this job itself fetched before it was paused counts as downloaded, not as found in the cache.
void PullJob::AddFile(const pull::PlannedFile& planned, bool fetched_before) {
  using Action = pull::PlannedFile::Action;
  JobFile file{.path = planned.entry.path.text(),
               .size_bytes = planned.entry.size_bytes,
               .blob = planned.entry.blob.hex(),
               .status = JobFile::Status::kPending,
               .reason = planned.reason,
               .warning = {},
               .done_bytes = 0,
               .sequence = 0};
  switch (planned.action) {
    case Action::kSkip:
      file.status = JobFile::Status::kSkipped;
      break;
    case Action::kCached:
      file.status = fetched_before ? JobFile::Status::kDownloaded : JobFile::Status::kCached;
      file.done_bytes = file.size_bytes;
      ++files_total_;
      ++files_done_;
      if (fetched_before) {
        total_bytes_ += file.size_bytes;
        done_bytes_ += file.size_bytes;
      }
      break;
    case Action::kDownload:
      total_bytes_ += file.size_bytes;
      ++files_total_;
      break;
  }
  files_.push_back(std::move(file));
  Touch(files_.back());
}

void PullJob::Touch(JobFile& file) {
  file.sequence = ++sequence_;
  changes_.push_back({sequence_, static_cast<uint32_t>(&file - files_.data())});
  constexpr size_t kFew = 1'000;
  if (changes_.size() > 2 * files_.size() + kFew) ForgetOldChanges();
}

void PullJob::ForgetOldChanges() {
  std::erase_if(changes_, [this](const Change& change) {
    return change.file >= files_.size() || files_[change.file].sequence != change.sequence;
  });
}

void PullJob::OnFileCached(size_t index) {
  JobFile& file = files_[index];
  total_bytes_ -= file.size_bytes;
  file.status = JobFile::Status::kCached;
  file.done_bytes = file.size_bytes;
  ++files_done_;
  Touch(file);
  on_event_(Event::kProgress);
}

void PullJob::OnFileProgress(size_t index, uint64_t done_bytes, uint64_t received_bytes) {
  JobFile& file = files_[index];
  file.status = JobFile::Status::kRunning;
  SetDone(file, done_bytes);
  record_.downloaded_bytes += received_bytes;
  SampleRate();
  if (received_bytes > 0 && record_.state == JobState::kWaiting) {
    ClearWaiting();
    return SetState(JobState::kRunning);
  }
  on_event_(Event::kProgress);
}

void PullJob::OnFileDone(size_t index) {
  JobFile& file = files_[index];
  file.status = JobFile::Status::kDownloaded;
  ++files_done_;
  SetDone(file, file.size_bytes);
  on_event_(Event::kProgress);
}

void PullJob::OnFileWarned(size_t index, const std::string& warning) {
  files_[index].warning = warning;
  Touch(files_[index]);
}

void PullJob::OnFileFailed(size_t index, const absl::Status& status) {
  JobFile& file = files_[index];
  file.status = JobFile::Status::kFailed;
  file.reason = std::string(MessageOf(status));
  Touch(file);
}

void PullJob::OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) {
  waiting_reason_ = info.reason;
  waiting_until_ = info.until;
  last_error_ = cause.ok() ? info.window : std::string(MessageOf(cause));
  attempts_ = attempt;
  SetState(JobState::kWaiting);
}

void PullJob::OnFinished(const absl::Status& status) {
  StopRun();
  if (status.ok()) return End(JobState::kDone, status);
  if (record_.had_token && !has_token_ && WantsCredentials(status)) {
    waits_for_credentials_ = true;
    waiting_reason_ = "credentials";
    last_error_ = std::string(MessageOf(status));
    return SetState(JobState::kWaiting);
  }
  End(JobState::kFailed, status);
}

uint64_t PullJob::RunningMillis() const {
  if (!running_since_) return record_.elapsed_ms;
  const auto running = duration_cast<milliseconds>(context_.clock.steady() - *running_since_);
  return record_.elapsed_ms + static_cast<uint64_t>(std::max<int64_t>(running.count(), 0));
}

void PullJob::SampleRate() {
  const SteadyTime now = context_.clock.steady();
  if (!samples_.empty() && now - samples_.back().at < kSampleEvery) return;
  samples_.push_back({now, record_.downloaded_bytes});
  while (samples_.size() > 2 && now - samples_[1].at > kRateWindow) samples_.pop_front();
}

JobView PullJob::View() const {
  JobView view{.record = record_,
               .waiting_reason = waiting_reason_,
               .waiting_until = waiting_until_,
               .last_error = last_error_,
               .attempts = attempts_,
               .total_bytes = total_bytes_,
               .done_bytes = done_bytes_,
               .bytes_per_second = 0,
               .files_total = files_total_,
               .files_done = files_done_,
               .review = review_};
  view.record.elapsed_ms = RunningMillis();
  if (record_.state == JobState::kRunning && !samples_.empty()) {
    const auto span = duration_cast<milliseconds>(context_.clock.steady() - samples_.front().at);
    const uint64_t bytes = record_.downloaded_bytes - samples_.front().bytes;
    if (span.count() > 0) view.bytes_per_second = bytes * 1'000 / static_cast<uint64_t>(span.count());
  }
  return view;
}

JobChanges PullJob::Changes(uint64_t after_sequence, size_t max_files) const {
  if (after_sequence > sequence_) after_sequence = 0;  // of an earlier daemon whose clock was ahead
  JobChanges changes{.sequence = sequence_, .job = View(), .files = {}, .more = false};
  if (max_files == 0) return changes;
  for (auto i = std::ranges::upper_bound(changes_, after_sequence, {}, &Change::sequence);
       i != changes_.end(); ++i) {
    const JobFile& file = files_[i->file];
    if (file.sequence != i->sequence) continue;
    if (changes.files.size() == max_files) {
      changes.more = true;
      changes.sequence = changes.files.back().sequence;
      break;
    }
    changes.files.push_back(file);
  }
  return changes;
}

}  // namespace batuta::jobs
