#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/hub/hub_client.h"
#include "daemon/jobs/change_log.h"
#include "daemon/jobs/job.h"
#include "daemon/jobs/rate_meter.h"

namespace batuta::jobs {

// QueuedJob is one job of the queue, pull or push: its state, what it waits for, its numbers; and the run
// that carries it out while it runs, which is up to the kind of job. Lives on the core sequence.
class QueuedJob {
 public:
  // What happened, for the queue.
  enum class Event {
    kProgress,  // numbers moved: tell watchers soon
    kState,     // the state or the plan changed: save, tell watchers now
  };

  // `on_event` may be called from within any method but the constructor.
  QueuedJob(JobRecord record, const Clock& clock, std::function<void(Event)> on_event);
  virtual ~QueuedJob() = default;

  // Begins or goes on. `token` may be empty. A job that had a token and gets none waits for credentials
  // instead.
  void Run(Secret token);

  // Ends the run, keeps what was moved.
  void Pause();
  void Cancel();

  // While it runs and later.
  void SetPriority(Priority priority);
  void SetLimit(uint64_t bytes_per_second);

  // Ends the run without changing the state: it goes on after the next start of the daemon.
  void Suspend();

  const JobRecord& record() const { return record_; }

  bool waits_for_credentials() const { return waits_for_credentials_; }

  const std::string& waiting_reason() const { return waiting_reason_; }

  const std::optional<WallTime>& waiting_until() const { return waiting_until_; }

  // For the client that serves its folder.
  bool waits_for_client() const { return waits_for_client_; }

  // Has it come so far that a power cut must not undo its record?
  virtual bool is_worth_syncing() const { return record_.state == JobState::kRunning && total_bytes_ > 0; }

  JobView View() const;
  virtual JobChanges Changes(uint64_t after_sequence, size_t max_files) const = 0;

 protected:
  virtual bool has_run() const = 0;
  virtual void StartRun(hub::Access access) = 0;
  virtual void DropRun() = 0;
  virtual void TellPriority(Priority priority) = 0;  // to the run, if there is one
  virtual void TellLimit(uint64_t bytes_per_second) = 0;

  // What the run says.
  void Wait(const transport::WaitInfo& info, const absl::Status& cause, int attempt);
  void EndWait();                   // what it waited for is there
  void CountMoved(uint64_t bytes);  // by the network; ends a wait
  void Finish(const absl::Status& status);

  void SetState(JobState state);

  void Tell(Event event) { on_event_(event); }

  const Clock& clock_;
  JobRecord record_;
  ChangeLog changes_;
  uint64_t total_bytes_ = 0;
  uint64_t done_bytes_ = 0;
  uint32_t files_total_ = 0;
  uint32_t files_done_ = 0;
  std::shared_ptr<const pull::Review> review_;  // see JobView
  std::string_view phase_;                      // likewise

 private:
  void StopRun();
  void End(JobState state, const absl::Status& error);
  void ClearWaiting();
  uint64_t RunningMillis() const;

  const std::function<void(Event)> on_event_;
  std::optional<SteadyTime> running_since_;
  bool has_token_ = false;
  bool waits_for_credentials_ = false;
  bool waits_for_client_ = false;
  std::string waiting_reason_;
  std::optional<WallTime> waiting_until_;
  std::string last_error_;
  int attempts_ = 0;
  RateMeter rate_;
};

}  // namespace batuta::jobs
