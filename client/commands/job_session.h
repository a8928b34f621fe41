#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "batuta/v1/job_service.pb.h"

#include "client/commands/context.h"
#include "client/connection/job_follower.h"
#include "client/connection/signal_watch.h"
#include "client/output/job_report.h"
#include "client/output/live_region.h"
#include "client/output/progress_model.h"
#include "client/output/pull_report.h"

namespace batuta::client {

// JobSession stays with one job until it ends: shows how it goes, and answers Ctrl-C.
//
// Progress: bars where stderr can redraw (at most ten times a second), else in the human format a line every
// ten seconds; JSON Lines on stdout with --events. A job that is over at once shows none. What there is to
// say of its repo is told first. Ctrl-C: on a terminal it asks whether the job may go on in the background; a
// second one, or the answer no, cancels the job. Elsewhere it leaves the job running and says its id. SIGTERM
// and SIGHUP do that without asking.
class JobSession {
 public:
  struct Options {
    bool may_ask = true;     // false: Ctrl-C leaves the job running at once
    bool with_files = true;  // hear of single files
    bool is_served = false;  // it reads a folder through this client, and waits without it
  };

  // `signals` exists before any connection does. `report` may be null; it is told of the files. All borrowed.
  JobSession(Context& context, SignalWatch& signals, JobReport* report, Options options)
      : context_(context), signals_(signals), report_(report), options_(options) {}

  // The job when it is done. Its own error when it failed; else
  //   kCancelled (CANCELLED)  this caller left it or cancelled it; the message tells which.
  //   kAborted (CANCELLED)    somebody else cancelled it.
  //   kUnavailable (DAEMON_…) the daemon went away and did not come back; the job goes on when it does.
  absl::StatusOr<v1::Job> Follow(Connection connection, const v1::Job& job);

 private:
  enum class Choice { kNone, kLeave, kCancel };

  std::optional<absl::Status> TakeEvents(JobFollower& follower);
  void TakeUpdate(const v1::WatchJobResponse& update);
  Choice TakeSignals();
  Choice TakeAnswer();
  void Ask();
  void TellReview();
  void Show();
  void ShowBars(SteadyTime now);
  void ShowLine(SteadyTime now);
  void Wait(const JobFollower& follower) const;
  absl::Status Leave() const;
  absl::Status Cancel();
  absl::StatusOr<v1::Job> Outcome(const absl::Status& end);

  Context& context_;
  SignalWatch& signals_;
  JobReport* const report_;
  const Options options_;
  v1::Job job_;
  std::optional<ProgressModel> progress_;
  std::optional<LiveRegion> region_;
  SteadyTime started_;
  SteadyTime shown_;  // when bars or a line last appeared
  bool has_news_ = false;
  std::string shown_wait_;  // the wait that was told last
  bool has_told_review_ = false;
  bool is_asking_ = false;
  bool was_cancelled_here_ = false;
};

// Adds to a report what a job that is done says of itself.
void CompleteReport(const v1::Job& job, uint64_t elapsed_ms, PullReport& report);

}  // namespace batuta::client
