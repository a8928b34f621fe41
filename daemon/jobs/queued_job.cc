#include "daemon/jobs/queued_job.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/status/status.h"
#include "daemon/push/folder_talk.h"

namespace batuta::jobs {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

namespace {

// Refusals that a token may overcome.
bool WantsCredentials(const absl::Status& status) {
  const std::string why = ReasonOf(status);
  return why == reason::kTokenMissing || why == reason::kRepoGated || why == reason::kRepoNotFound;
}

}  // namespace

QueuedJob::QueuedJob(JobRecord record, const Clock& clock, std::function<void(Event)> on_event)
    : clock_(clock),
      record_(std::move(record)),
      // At the time of day, so that it grows across restarts of the daemon.
      changes_(static_cast<uint64_t>(ToUnixMillis(clock.wall())) * 1'000),
      on_event_(std::move(on_event)) {}

void QueuedJob::Run(Secret token) {
  if (HasEnded(record_.state) || has_run()) return;
  has_token_ = !token.empty();
  waits_for_client_ = false;
  ClearWaiting();
  if (record_.had_token && !has_token_) {
    waits_for_credentials_ = true;
    waiting_reason_ = "credentials";
    last_error_ = "the token is not kept across a restart of the daemon";
    return SetState(JobState::kWaiting);
  }
  running_since_ = clock_.steady();
  StartRun({.principal = record_.owner,
            .job = record_.id,
            .token = std::move(token),
            .priority = record_.priority(),
            .may_wait = record_.may_wait(),
            .on_waiting = {}});
  SetState(JobState::kRunning);
}

void QueuedJob::StopRun() {
  record_.elapsed_ms = RunningMillis();
  running_since_.reset();
  DropRun();
  rate_.Clear();
  ClearWaiting();
  waits_for_credentials_ = false;
  waits_for_client_ = false;
}

void QueuedJob::Pause() {
  StopRun();
  SetState(JobState::kPaused);
}

void QueuedJob::Cancel() {
  StopRun();
  End(JobState::kCancelled, absl::OkStatus());
}

void QueuedJob::SetPriority(Priority priority) {
  record_.set_priority(priority);
  TellPriority(priority);
  SetState(record_.state);
}

void QueuedJob::SetLimit(uint64_t bytes_per_second) {
  record_.set_limit_bytes_per_second(bytes_per_second);
  TellLimit(bytes_per_second);
  SetState(record_.state);
}

void QueuedJob::Suspend() {
  StopRun();
}

void QueuedJob::End(JobState state, const absl::Status& error) {
  record_.finished = clock_.wall();
  record_.error = error;
  SetState(state);
}

void QueuedJob::SetState(JobState state) {
  record_.state = state;
  changes_.Step();
  on_event_(Event::kState);
}

void QueuedJob::ClearWaiting() {
  waiting_reason_.clear();
  waiting_until_.reset();
  last_error_.clear();
  attempts_ = 0;
}

void QueuedJob::Wait(const transport::WaitInfo& info, const absl::Status& cause, int attempt) {
  waiting_reason_ = info.reason;
  waiting_until_ = info.until;
  last_error_ = cause.ok() ? info.window : std::string(MessageOf(cause));
  attempts_ = attempt;
  SetState(JobState::kWaiting);
}

void QueuedJob::EndWait() {
  if (record_.state != JobState::kWaiting) return;
  ClearWaiting();
  SetState(JobState::kRunning);
}

void QueuedJob::CountMoved(uint64_t bytes) {
  rate_.Add(clock_.steady(), bytes);
  if (bytes > 0) EndWait();
  on_event_(Event::kProgress);
}

void QueuedJob::Finish(const absl::Status& status) {
  StopRun();
  if (status.ok()) return End(JobState::kDone, status);
  if (push::IsClientGone(status) && record_.may_wait()) {
    waits_for_client_ = true;
    waiting_reason_ = "client";
    last_error_ = std::string(MessageOf(status));
    return SetState(JobState::kWaiting);
  }
  if (record_.had_token && !has_token_ && WantsCredentials(status)) {
    waits_for_credentials_ = true;
    waiting_reason_ = "credentials";
    last_error_ = std::string(MessageOf(status));
    return SetState(JobState::kWaiting);
  }
  End(JobState::kFailed, status);
}

uint64_t QueuedJob::RunningMillis() const {
  if (!running_since_) return record_.elapsed_ms;
  const auto running = duration_cast<milliseconds>(clock_.steady() - *running_since_);
  return record_.elapsed_ms + static_cast<uint64_t>(std::max<int64_t>(running.count(), 0));
}

JobView QueuedJob::View() const {
  JobView view{.record = record_,
               .waiting_reason = waiting_reason_,
               .waiting_until = waiting_until_,
               .last_error = last_error_,
               .attempts = attempts_,
               .total_bytes = total_bytes_,
               .done_bytes = done_bytes_,
               .files_total = files_total_,
               .files_done = files_done_,
               .review = review_,
               .phase = record_.state == JobState::kRunning ? phase_ : std::string_view()};
  view.record.elapsed_ms = RunningMillis();
  if (record_.state == JobState::kRunning) view.bytes_per_second = rate_.BytesPerSecond(clock_.steady());
  return view;
}

}  // namespace batuta::jobs
