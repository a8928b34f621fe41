#include "client/commands/hf_jobs.h"

#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "client/commands/job_session.h"
#include "client/output/job_view.h"
#include "client/output/push_report.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

struct ChangeWords {
  std::string_view name;
  std::string_view summary;
  std::string_view examples;
  std::string_view all;  // what --all means
};

constexpr ChangeWords kChanges[] = {
    {"hf jobs cancel", "end jobs for good",
     "batuta hf jobs cancel 3fa2\n"
     "batuta hf jobs cancel 3fa2 77c0  several at once\n"
     "batuta hf jobs cancel --all  all of yours that have not ended\n",
     "every job of yours that has not ended"},
    {"hf jobs pause", "stop jobs until they are resumed; what has arrived is kept",
     "batuta hf jobs pause 3fa2\n"
     "batuta hf jobs pause --all\n",
     "every job of yours that has not ended"},
    {"hf jobs resume", "let paused jobs go on, and waiting ones try now",
     "batuta hf jobs resume 3fa2\n"
     "batuta hf jobs resume --all\n",
     "every job of yours that is paused or waits"},
    {"hf jobs priority", "place jobs among others anew",
     "batuta hf jobs priority background 3fa2\n"
     "batuta hf jobs priority interactive 3fa2 77c0\n",
     "every job of yours that has not ended"},
    {"hf jobs limit-rate", "limit the bandwidth of jobs, also while they run",
     "batuta hf jobs limit-rate 500K 3fa2  half a megabyte per second\n"
     "batuta hf jobs limit-rate 0 --all  no limits any more\n"
     "batuta daemon limit-rate 10M  all jobs together\n",
     "every job of yours that has not ended"},
};

// The job that is meant when none is named: the newest one that has not ended.
absl::StatusOr<v1::Job> NewestActive(DaemonClient& client) {
  v1::ListJobsRequest request;
  request.set_active_only(true);
  ASSIGN_OR_RETURN(const v1::ListJobsResponse jobs, client.ListJobs(request));
  if (jobs.jobs_size() > 0) return jobs.jobs(0);
  return MakeError(absl::StatusCode::kNotFound, reason::kJobNotFound, "no job of yours is active",
                   "batuta hf jobs ls");
}

}  // namespace

std::string_view HfJobsLs::examples() const {
  return "batuta hf jobs ls\n"
         "batuta hf jobs ls --active --format json\n";
}

void HfJobsLs::DefineFlags(Flags& flags) {
  flags.Switch(&active_, "--active", "only jobs that have not ended");
}

absl::Status HfJobsLs::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  v1::ListJobsRequest request;
  request.set_active_only(active_);
  ASSIGN_OR_RETURN(v1::ListJobsResponse response, connection.client->ListJobs(request));
  std::vector<v1::Job> jobs(std::make_move_iterator(response.mutable_jobs()->begin()),
                            std::make_move_iterator(response.mutable_jobs()->end()));
  PrintJobs(context.output, jobs, context.clock.wall());
  return absl::OkStatus();
}

std::string_view HfJobsWatch::examples() const {
  return "batuta hf jobs watch  the newest job that runs\n"
         "batuta hf jobs watch 3fa2  the job whose id begins so\n"
         "batuta hf jobs watch 3fa2 --events  every change as a line of JSON\n";
}

void HfJobsWatch::DefineFlags(Flags& flags) {
  flags.Optional(&id_, "ID", "the job, or the beginning of its id; without it the newest that has not ended");
}

absl::Status HfJobsWatch::Run(Context& context) {
  ASSIGN_OR_RETURN(SignalWatch signals, SignalWatch::Create());
  ASSIGN_OR_RETURN(Connection connection, context.connector.Open({}));
  ASSIGN_OR_RETURN(const v1::Job job,
                   id_.empty() ? NewestActive(*connection.client) : connection.client->GetJob(id_));
  PullReport pull(PullReport::Kind::kPull, context.output.json());
  PushReport push(context.output.json());
  const bool is_push = job.kind() == v1::Job::KIND_PUSH;
  JobReport& report = is_push ? static_cast<JobReport&>(push) : pull;
  // The job was running before; Ctrl-C ends the watching, nothing else.
  JobSession session(context, signals, &report, {.may_ask = false, .with_files = true});
  ASSIGN_OR_RETURN(const v1::Job done, session.Follow(std::move(connection), job));
  if (is_push) {
    push.SetJob(done);
    push.SetElapsed(done.elapsed_ms());
    push.Print(context.output);
  } else {
    CompleteReport(done, done.elapsed_ms(), pull);
    pull.Print(context.output);
  }
  return absl::OkStatus();
}

std::string_view HfJobsChange::name() const {
  return kChanges[static_cast<size_t>(change_)].name;
}

std::string_view HfJobsChange::summary() const {
  return kChanges[static_cast<size_t>(change_)].summary;
}

std::string_view HfJobsChange::examples() const {
  return kChanges[static_cast<size_t>(change_)].examples;
}

void HfJobsChange::DefineFlags(Flags& flags) {
  if (change_ == Change::kPriority) {
    flags.Required(&value_, "P", "interactive, normal or background",
                   {"interactive", "normal", "background"});
  } else if (change_ == Change::kLimitRate) {
    flags.Required(&value_, "R", "bytes per second at most, e.g. 500K or 10M; 0 = no limit");
  }
  flags.Rest(&ids_, "ID", "a job, or the beginning of its id");
  flags.Switch(&all_, "--all", std::string(kChanges[static_cast<size_t>(change_)].all));
}

absl::Status HfJobsChange::TakeValue() {
  if (all_ && !ids_.empty()) return UsageError("--all and job ids exclude each other", "");
  if (!all_ && ids_.empty()) return UsageError("no job is named", "give ids, or --all; batuta hf jobs ls");
  if (change_ != Change::kLimitRate) return absl::OkStatus();
  ASSIGN_OR_RETURN(limit_rate_, ParseRate(value_));
  return absl::OkStatus();
}

bool HfJobsChange::ConcernsAll(const v1::Job& job) const {
  const v1::Job::State state = job.state();
  if (change_ == Change::kPause) return state != v1::Job::STATE_PAUSED;
  if (change_ == Change::kResume) return state == v1::Job::STATE_PAUSED || state == v1::Job::STATE_WAITING;
  return true;
}

absl::StatusOr<std::vector<std::string>> HfJobsChange::Targets(DaemonClient& client) const {
  if (!all_) return ids_;
  v1::ListJobsRequest request;
  request.set_active_only(true);
  ASSIGN_OR_RETURN(const v1::ListJobsResponse jobs, client.ListJobs(request));
  std::vector<std::string> ids;
  for (const v1::Job& job : jobs.jobs()) {
    if (ConcernsAll(job)) ids.push_back(job.id());
  }
  return ids;
}

absl::StatusOr<v1::Job> HfJobsChange::Apply(DaemonClient& client, const std::string& id) const {
  switch (change_) {
    case Change::kPause:
      return client.PauseJob(id);
    case Change::kResume:
      return client.ResumeJob(id);
    case Change::kPriority:
      return client.SetJobPriority(id, WirePriority(value_));
    case Change::kLimitRate:
      return client.SetJobLimit(id, limit_rate_);
    default:
      return client.CancelJob(id);
  }
}

std::string HfJobsChange::Outcome(const v1::Job& job) const {
  const std::string_view state = StateWord(job.state());
  if (change_ == Change::kPriority)
    return fmt::format("{}, {} priority", state, PriorityWord(job.priority()));
  if (change_ == Change::kLimitRate)
    return fmt::format("{}, {}", state, LimitText(job.limit_bytes_per_second()));
  return std::string(state);
}

absl::Status HfJobsChange::Run(Context& context) {
  RETURN_IF_ERROR(TakeValue());
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  ASSIGN_OR_RETURN(const std::vector<std::string> targets, Targets(*connection.client));
  absl::Status first_error;
  std::vector<v1::Job> changed;
  for (const std::string& id : targets) {
    const absl::StatusOr<v1::Job> job = Apply(*connection.client, id);
    if (job.ok()) {
      changed.push_back(*job);
      context.output.Talk(fmt::format("job {}: {}", Printable(job->id()), Outcome(*job)));
    } else if (all_ && (ReasonOf(job.status()) == reason::kJobFinished ||
                        ReasonOf(job.status()) == reason::kJobNotFound)) {
      continue;  // it has ended meanwhile
    } else if (first_error.ok()) {
      first_error = job.status();
    } else {
      context.output.Talk(fmt::format("job {}: {}", Printable(id), Printable(MessageOf(job.status()))));
    }
  }
  if (all_ && changed.empty()) context.output.Talk("there is no such job");
  if (!context.output.human()) PrintJobs(context.output, changed, context.clock.wall());
  return first_error;
}

}  // namespace batuta::client
