#include "daemon/jobs/pull_job.h"

#include <utility>

#include "common/status/status.h"

namespace batuta::jobs {

PullJob::PullJob(JobRecord record, const pull::PullContext& context, std::function<void(Event)> on_event)
    : QueuedJob(std::move(record), context.clock, std::move(on_event)), context_(context) {}

PullJob::~PullJob() = default;

void PullJob::StartRun(hub::Access access) {
  run_ = pull::PullRun::Start(context_, record_.pull(), std::move(access), *this);
}

void PullJob::DropRun() {
  run_.reset();
}

void PullJob::TellPriority(Priority priority) {
  if (run_ != nullptr) run_->SetPriority(priority);
}

void PullJob::TellLimit(uint64_t bytes_per_second) {
  if (run_ != nullptr) run_->SetLimit(bytes_per_second);
}

void PullJob::SetDone(JobFile& file, uint64_t done_bytes) {
  done_bytes_ += done_bytes - file.done_bytes;  // may wrap down: the sum stays right
  file.done_bytes = done_bytes;
  Touch(file);
}

void PullJob::OnPlanned(const pull::PullPlan& plan) {
  record_.commit = plan.commit.hex();
  record_.snapshot_path = plan.snapshot_path.string();
  if (plan.choice) record_.pull().choice = plan.choice;  // once made, it stands
  review_ = plan.review != nullptr && plan.review->says_something() ? plan.review : nullptr;
  const std::vector<JobFile> before = std::exchange(files_, {});
  changes_.Clear();
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
  Tell(Event::kState);
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
               .done_bytes = 0};
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

void PullJob::Touch(const JobFile& file) {
  changes_.Touch(static_cast<uint32_t>(&file - files_.data()));
}

void PullJob::OnFileCached(size_t index) {
  JobFile& file = files_[index];
  total_bytes_ -= file.size_bytes;
  file.status = JobFile::Status::kCached;
  file.done_bytes = file.size_bytes;
  ++files_done_;
  Touch(file);
  Tell(Event::kProgress);
}

void PullJob::OnFileProgress(size_t index, uint64_t done_bytes, uint64_t received_bytes) {
  JobFile& file = files_[index];
  file.status = JobFile::Status::kRunning;
  SetDone(file, done_bytes);
  record_.downloaded_bytes += received_bytes;
  CountMoved(received_bytes);
}

void PullJob::OnFileDone(size_t index) {
  JobFile& file = files_[index];
  file.status = JobFile::Status::kDownloaded;
  ++files_done_;
  SetDone(file, file.size_bytes);
  Tell(Event::kProgress);
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
  Wait(info, cause, attempt);
}

void PullJob::OnFinished(const absl::Status& status) {
  Finish(status);
}

JobChanges PullJob::Changes(uint64_t after_sequence, size_t max_files) const {
  const ChangeLog::Since since = changes_.After(after_sequence, max_files);
  JobChanges changes{.sequence = since.sequence, .job = View(), .more = since.more};
  changes.files.reserve(since.files.size());
  for (const uint32_t file : since.files) changes.files.push_back(files_[file]);
  return changes;
}

}  // namespace batuta::jobs
