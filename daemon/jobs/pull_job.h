#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/jobs/job.h"
#include "daemon/pull/pull_run.h"

namespace batuta::jobs {

// PullJob is one pull in the queue: its state, the progress of its files, and the run that carries it out
// while it runs. Lives on the core sequence.
class PullJob final : private pull::PullObserver {
 public:
  // What happened, for the queue.
  enum class Event {
    kProgress,  // numbers moved: tell watchers soon
    kState,     // the state or the plan changed: save, tell watchers now
  };

  // `on_event` may be called from within any method but the constructor.
  PullJob(JobRecord record, const pull::PullContext& context, std::function<void(Event)> on_event);
  ~PullJob() override;

  // Begins or goes on. `token` may be empty. A job that had a token and gets none waits for credentials
  // instead.
  void Run(Secret token);

  // Ends the run, keeps what has arrived.
  void Pause();
  void Cancel();

  // While it runs and later.
  void SetPriority(Priority priority);
  void SetLimit(uint64_t bytes_per_second);

  // Ends the run without changing the state: it goes on after the next start of the daemon.
  void Suspend();

  const JobRecord& record() const { return record_; }

  bool waits_for_credentials() const { return waits_for_credentials_; }

  bool has_downloads() const { return total_bytes_ > 0; }

  JobView View() const;
  JobChanges Changes(uint64_t after_sequence, size_t max_files) const;

 private:
  void OnPlanned(const pull::PullPlan& plan) override;
  void OnFileCached(size_t index) override;
  void OnFileProgress(size_t index, uint64_t done_bytes, uint64_t received_bytes) override;
  void OnFileDone(size_t index) override;
  void OnFileWarned(size_t index, const std::string& warning) override;
  void OnFileFailed(size_t index, const absl::Status& status) override;
  void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) override;
  void OnFinished(const absl::Status& status) override;

  void AddFile(const pull::PlannedFile& planned, bool fetched_before);
  void SetState(JobState state);
  void ClearWaiting();
  void End(JobState state, const absl::Status& error);
  void StopRun();

  void Touch(JobFile& file);
  void ForgetOldChanges();

  void SetDone(JobFile& file, uint64_t done_bytes);
  uint64_t RunningMillis() const;
  void SampleRate();

  const pull::PullContext context_;
  const std::function<void(Event)> on_event_;
  JobRecord record_;
  std::unique_ptr<pull::PullRun> run_;
  std::optional<SteadyTime> running_since_;
  bool has_token_ = false;
  bool waits_for_credentials_ = false;
  std::string waiting_reason_;
  std::optional<WallTime> waiting_until_;
  std::string last_error_;
  int attempts_ = 0;
  uint64_t sequence_;  // begins at the time of day, so that it grows across restarts of the daemon
  std::vector<JobFile> files_;

  // What changed when, oldest first; of a file only the latest change counts.
  struct Change {
    uint64_t sequence;
    uint32_t file;
  };

  std::vector<Change> changes_;
  std::shared_ptr<const pull::Review> review_;
  uint64_t total_bytes_ = 0;
  uint64_t done_bytes_ = 0;
  uint32_t files_total_ = 0;
  uint32_t files_done_ = 0;

  // Received bytes over the last seconds, oldest first.
  struct Sample {
    SteadyTime at;
    uint64_t bytes;
  };

  std::deque<Sample> samples_;
};

}  // namespace batuta::jobs
