#include "client/commands/hf_jobs.h"

#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "client/commands/job_session.h"
#include "client/output/job_view.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

struct ChangeWords {
  std::string_view name;
  std::string_view summary;
  std::string_view examples;
};

constexpr ChangeWords kChanges[] = {
    {"hf jobs cancel", "end jobs for good",
     "batuta hf jobs cancel 3fa2\n"
     "batuta hf jobs ls --active --format quiet | xargs batuta hf jobs cancel  all of yours\n"},
    {"hf jobs pause", "stop jobs until they are resumed; what has arrived is kept",
     "batuta hf jobs pause 3fa2\n"},
    {"hf jobs resume", "let paused jobs go on, and waiting ones try now", "batuta hf jobs resume 3fa2\n"},
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
  PullReport report(PullReport::Kind::kPull, context.output.json());
  // The job was running before; Ctrl-C ends the watching, nothing else.
  JobSession session(context, signals, &report, {.may_ask = false, .with_files = true});
  ASSIGN_OR_RETURN(const v1::Job done, session.Follow(std::move(connection), job));
  CompleteReport(done, done.elapsed_ms(), report);
  report.Print(context.output);
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
  flags.Rest(&ids_, "ID", "a job, or the beginning of its id", true);
}

absl::StatusOr<v1::Job> HfJobsChange::Apply(DaemonClient& client, const std::string& id) const {
  switch (change_) {
    case Change::kPause:
      return client.PauseJob(id);
    case Change::kResume:
      return client.ResumeJob(id);
    default:
      return client.CancelJob(id);
  }
}

absl::Status HfJobsChange::Run(Context& context) {
  ASSIGN_OR_RETURN(const Connection connection, context.connector.Open({}));
  absl::Status first_error;
  std::vector<v1::Job> changed;
  for (const std::string& id : ids_) {
    const absl::StatusOr<v1::Job> job = Apply(*connection.client, id);
    if (job.ok()) {
      changed.push_back(*job);
      context.output.Talk(fmt::format("job {}: {}", Printable(job->id()), StateWord(job->state())));
    } else if (first_error.ok()) {
      first_error = job.status();
    } else {
      context.output.Talk(fmt::format("job {}: {}", Printable(id), Printable(MessageOf(job.status()))));
    }
  }
  if (!context.output.human()) PrintJobs(context.output, changed, context.clock.wall());
  return first_error;
}

}  // namespace batuta::client
