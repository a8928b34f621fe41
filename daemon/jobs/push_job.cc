#include "daemon/jobs/push_job.h"

#include <utility>

namespace batuta::jobs {

PushJob::PushJob(JobRecord record, PushStarter start, const Clock& clock, std::function<void(Event)> on_event,
                 WhenJournalled when_journalled)
    : QueuedJob(std::move(record), clock, std::move(on_event)),
      start_(std::move(start)),
      when_journalled_(std::move(when_journalled)) {}

PushJob::~PushJob() = default;

// A commit that may have been made must never be forgotten.
bool PushJob::is_worth_syncing() const {
  return record_.push().memory.is_agreed;
}

void PushJob::StartRun(hub::Access access) {
  run_ = start_(record_.push(), std::move(access), *this);
}

void PushJob::DropRun() {
  run_.reset();
}

void PushJob::TellPriority(Priority priority) {
  if (run_ != nullptr) run_->SetPriority(priority);
}

void PushJob::TellLimit(uint64_t bytes_per_second) {
  if (run_ != nullptr) run_->SetLimit(bytes_per_second);
}

void PushJob::OnPhase(push::Phase phase) {
  phase_ = ToString(phase);
  EndWait();
  changes_.Step();
  Tell(Event::kProgress);
}

void PushJob::OnPlanned(const push::PushPlan& plan) {
  record_.card = ToString(plan.card);
  files_.clear();
  changes_.Clear();
  files_.reserve(plan.files.size());
  total_bytes_ = done_bytes_ = 0;
  files_total_ = files_done_ = 0;
  for (const push::PlannedPushFile& planned : plan.files) {
    if (push::IsSent(planned.change)) {
      total_bytes_ += planned.size_bytes;
      ++files_total_;
    }
    files_.push_back({.path = planned.path,
                      .size_bytes = planned.size_bytes,
                      .blob = planned.blob_text(),
                      .change = planned.change,
                      .is_lfs = planned.is_lfs,
                      .warning = planned.warning,
                      .copy_of = planned.copy_of});
    Touch(files_.back());
  }
  Tell(Event::kState);
}

void PushJob::Touch(const PushedFile& file) {
  changes_.Touch(static_cast<uint32_t>(&file - files_.data()));
}

void PushJob::SetDone(PushedFile& file, uint64_t done_bytes) {
  done_bytes_ += done_bytes - file.done_bytes;  // may wrap down: the sum stays right
  file.done_bytes = done_bytes;
  Touch(file);
}

void PushJob::OnFileMode(size_t index, bool is_lfs) {
  files_[index].is_lfs = is_lfs;
  Touch(files_[index]);
}

void PushJob::OnFileProgress(size_t index, uint64_t done_bytes, uint64_t sent_bytes) {
  PushedFile& file = files_[index];
  file.status = PushedFile::Status::kRunning;
  SetDone(file, done_bytes);
  record_.uploaded_bytes += sent_bytes;
  CountMoved(sent_bytes);
}

void PushJob::OnFileSent(size_t index, bool was_stored) {
  PushedFile& file = files_[index];
  file.status = was_stored ? PushedFile::Status::kStored : PushedFile::Status::kSent;
  SetDone(file, file.size_bytes);
  Tell(Event::kProgress);
}

void PushJob::OnFileCommitted(size_t index) {
  PushedFile& file = files_[index];
  file.status = PushedFile::Status::kCommitted;
  if (push::IsSent(file.change)) {
    ++files_done_;
    SetDone(file, file.size_bytes);
  } else {
    Touch(file);
  }
  Tell(Event::kProgress);
}

void PushJob::OnMemory(const push::PushMemory& memory, absl::AnyInvocable<void()> kept) {
  record_.push().memory = memory;
  Tell(Event::kState);
  when_journalled_(std::move(kept));
}

void PushJob::OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) {
  Wait(info, cause, attempt);
}

void PushJob::OnFinished(const absl::StatusOr<push::PushOutcome>& outcome) {
  if (outcome.ok()) {
    record_.commit = outcome->commit.hex();
    record_.url = outcome->url;
  }
  Finish(outcome.status());
}

JobChanges PushJob::Changes(uint64_t after_sequence, size_t max_files) const {
  const ChangeLog::Since since = changes_.After(after_sequence, max_files);
  JobChanges changes{.sequence = since.sequence, .job = View(), .more = since.more};
  changes.push_files.reserve(since.files.size());
  for (const uint32_t file : since.files) changes.push_files.push_back(files_[file]);
  return changes;
}

}  // namespace batuta::jobs
