#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "daemon/jobs/queued_job.h"
#include "daemon/push/push_run.h"

namespace batuta::jobs {

using PushStarter = std::function<std::unique_ptr<push::PushRun>(
    const push::PushRequest& request, hub::Access access, push::PushObserver& observer)>;

// PushJob is one push in the queue: the progress of its files, what it must remember of its commits, and the
// run that carries it out while it runs.
class PushJob final : public QueuedJob, private push::PushObserver {
 public:
  using WhenJournalled = std::function<void(absl::AnyInvocable<void()> done)>;

  // `when_journalled` calls back once what was told by `on_event` before is in the catalog.
  PushJob(JobRecord record, PushStarter start, const Clock& clock, std::function<void(Event)> on_event,
          WhenJournalled when_journalled);
  ~PushJob() override;

  bool is_worth_syncing() const override;
  JobChanges Changes(uint64_t after_sequence, size_t max_files) const override;

 private:
  bool has_run() const override { return run_ != nullptr; }

  void StartRun(hub::Access access) override;
  void DropRun() override;
  void TellPriority(Priority priority) override;
  void TellLimit(uint64_t bytes_per_second) override;

  void OnPhase(push::Phase phase) override;
  void OnPlanned(const push::PushPlan& plan) override;
  void OnFileMode(size_t index, bool is_lfs) override;
  void OnFileProgress(size_t index, uint64_t done_bytes, uint64_t sent_bytes) override;
  void OnFileSent(size_t index, bool was_stored) override;
  void OnFileCommitted(size_t index) override;
  void OnMemory(const push::PushMemory& memory, absl::AnyInvocable<void()> kept) override;
  void OnWaiting(const transport::WaitInfo& info, const absl::Status& cause, int attempt) override;
  void OnFinished(const absl::StatusOr<push::PushOutcome>& outcome) override;

  void Touch(const PushedFile& file);
  void SetDone(PushedFile& file, uint64_t done_bytes);

  const PushStarter start_;
  const WhenJournalled when_journalled_;
  std::unique_ptr<push::PushRun> run_;
  std::vector<PushedFile> files_;
};

}  // namespace batuta::jobs
