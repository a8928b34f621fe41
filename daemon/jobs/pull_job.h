#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "daemon/jobs/queued_job.h"
#include "daemon/pull/pull_run.h"

namespace batuta::jobs {

// PullJob is one pull in the queue: the progress of its files, and the run that carries it out while it runs.
class PullJob final : public QueuedJob, private pull::PullObserver {
 public:
  PullJob(JobRecord record, const pull::PullContext& context, std::function<void(Event)> on_event);
  ~PullJob() override;

  JobChanges Changes(uint64_t after_sequence, size_t max_files) const override;

 private:
  bool has_run() const override { return run_ != nullptr; }

  void StartRun(hub::Access access) override;
  void DropRun() override;
  void TellPriority(Priority priority) override;
  void TellLimit(uint64_t bytes_per_second) override;

  void OnPlanned(const pull::PullPlan& plan) override;
  void OnFileCached(size_t index) override;
  void OnFileProgress(size_t index, uint64_t done_bytes, uint64_t received_bytes) override;
  void OnFileDone(size_t index) override;
  void OnFileWarned(size_t index, const std::string& warning) override;
  void OnFileFailed(size_t index, const absl::Status& status) override;
  void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) override;
  void OnFinished(const absl::Status& status) override;

  void AddFile(const pull::PlannedFile& planned, bool fetched_before);
  void Touch(const JobFile& file);
  void SetDone(JobFile& file, uint64_t done_bytes);

  const pull::PullContext context_;
  std::unique_ptr<pull::PullRun> run_;
  std::vector<JobFile> files_;
};

}  // namespace batuta::jobs
