#include "client/commands/job_session.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "client/output/job_view.h"
#include "client/output/review_view.h"
#include "client/output/wire_text.h"
#include "common/rpc/status_codec.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kQuietBegin{200};  // what is over by then shows no bars
constexpr milliseconds kRedraw{100};
constexpr milliseconds kTick{1'000};  // a countdown goes on without news
constexpr milliseconds kLineEvery{10'000};

milliseconds Between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<milliseconds>(to - from);
}

}  // namespace

absl::StatusOr<v1::Job> JobSession::Follow(Connection connection, const v1::Job& job) {
  job_ = job;
  progress_.emplace(JobName(job));
  region_.emplace(context_.output);
  started_ = shown_ = context_.clock.steady();
  JobFollower follower(context_.connector, std::move(connection), job.id(),
                       {.without_files = !options_.with_files});
  while (true) {
    const std::optional<absl::Status> end = TakeEvents(follower);
    Choice choice = end ? Choice::kNone : TakeSignals();
    if (is_asking_ && choice == Choice::kNone && !end) choice = TakeAnswer();
    if (end || choice == Choice::kLeave) {
      region_->Clear();
      if (end && is_asking_) context_.output.TalkRaw("\n");
      return end ? Outcome(*end) : absl::StatusOr<v1::Job>(Leave());
    }
    if (choice == Choice::kCancel) {
      is_asking_ = false;
      RETURN_IF_ERROR(Cancel());
    }
    Show();
    Wait(follower);
  }
}

std::optional<absl::Status> JobSession::TakeEvents(JobFollower& follower) {
  while (std::optional<JobFollower::Event> event = follower.Next()) {
    has_news_ = true;
    switch (event->kind) {
      case JobFollower::Event::Kind::kUpdate:
        TakeUpdate(event->update);
        break;
      case JobFollower::Event::Kind::kFromStart:
        if (report_ != nullptr) report_->ForgetFiles();
        break;
      case JobFollower::Event::Kind::kLost:
        progress_->SetConnected(false);
        break;
      case JobFollower::Event::Kind::kEnd:
        return event->status;
    }
  }
  return std::nullopt;
}

void JobSession::TakeUpdate(const v1::WatchJobResponse& update) {
  job_ = update.job();
  progress_->Apply(update);
  if (report_ != nullptr) report_->Take(update);
  if (context_.output.options().events) {
    for (const v1::PullFile& file : update.files()) context_.output.Data(FileEvent(file));
    for (const v1::PushFile& file : update.push_files()) context_.output.Data(PushFileEvent(file));
    context_.output.Data(JobEvent(update));
  }
  if (job_.has_review()) TellReview();
}

void JobSession::TellReview() {
  if (std::exchange(has_told_review_, true)) return;
  region_->Clear();
  const Haul haul{job_.files_total(), job_.total_bytes()};
  for (const std::string& line : ReviewLines(job_.review(), job_.repo(), haul)) context_.output.Talk(line);
}

JobSession::Choice JobSession::TakeSignals() {
  const std::optional<int> signal = signals_.Next();
  if (!signal) return Choice::kNone;
  if (*signal != SIGINT) return Choice::kLeave;
  if (is_asking_) return Choice::kCancel;
  if (!options_.may_ask || !context_.console.can_ask())
    return was_cancelled_here_ ? Choice::kNone : Choice::kLeave;
  if (was_cancelled_here_) return Choice::kNone;  // it is on its way
  Ask();
  return Choice::kNone;
}

void JobSession::Ask() {
  region_->Clear();
  is_asking_ = true;
  const std::string question =
      options_.is_served ? fmt::format("Leave job {} waiting until the folder is pushed again?", job_.id())
                         : fmt::format("Leave job {} running in the background?", job_.id());
  context_.output.TalkRaw(fmt::format("\n{} [Y/n]  (Ctrl-C again cancels it) ", question));
}

JobSession::Choice JobSession::TakeAnswer() {
  pollfd input{context_.console.input_fd(), POLLIN, 0};
  if (::poll(&input, 1, 0) <= 0) return Choice::kNone;
  const absl::StatusOr<std::string> line = context_.console.ReadLine();
  if (!line.ok()) return Choice::kLeave;
  const bool says_no = !line->empty() && (line->front() == 'n' || line->front() == 'N');
  return says_no ? Choice::kCancel : Choice::kLeave;
}

void JobSession::Wait(const JobFollower& follower) const {
  pollfd sources[] = {{follower.ready_fd(), POLLIN, 0},
                      {signals_.fd(), POLLIN, 0},
                      {is_asking_ ? context_.console.input_fd() : -1, POLLIN, 0}};
  const bool has_bars = context_.output.options().bars;
  const milliseconds pause = has_news_ && has_bars ? kRedraw : kTick;
  // News that were taken but not shown yet are shown at the next redraw; further news do not wake us before
  // it.
  if (has_news_ && has_bars) {
    const milliseconds until_redraw =
        std::clamp(kRedraw - Between(shown_, context_.clock.steady()), milliseconds(1), kRedraw);
    ::poll(sources, 3, static_cast<int>(until_redraw.count()));
    return;
  }
  ::poll(sources, 3, static_cast<int>(pause.count()));
}

void JobSession::Show() {
  const OutputOptions& options = context_.output.options();
  const SteadyTime now = context_.clock.steady();
  if (!options.progress || options.events || is_asking_) {
    has_news_ = false;
  } else if (options.bars && !context_.output.quiet()) {
    ShowBars(now);
  } else {
    has_news_ = false;
    if (context_.output.human()) ShowLine(now);
  }
}

void JobSession::ShowBars(SteadyTime now) {
  if (Between(started_, now) < kQuietBegin) return;
  const milliseconds since = Between(shown_, now);
  if (since < kRedraw || (!has_news_ && since < kTick)) return;
  region_->Draw(
      progress_->Bars(context_.output.size(), context_.output.options().unicode, context_.clock.wall()));
  shown_ = now;
  has_news_ = false;
}

void JobSession::ShowLine(SteadyTime now) {
  const bool waits_anew = job_.state() == v1::Job::STATE_WAITING && shown_wait_ != job_.waiting_reason();
  if (Between(shown_, now) < kLineEvery && !waits_anew) return;
  context_.output.Talk(progress_->Line(context_.clock.wall()));
  shown_wait_ = job_.waiting_reason();
  shown_ = now;
}

absl::Status JobSession::Leave() const {
  if (options_.is_served) {
    return MakeError(
        absl::StatusCode::kCancelled, reason::kCancelled,
        fmt::format("interrupted: job {} waits for this folder", job_.id()),
        fmt::format("the same batuta hf push goes on with it, and  batuta hf jobs cancel {}  ends it",
                    job_.id()),
        {{"job_id", job_.id()}});
  }
  return MakeError(absl::StatusCode::kCancelled, reason::kCancelled,
                   fmt::format("interrupted: job {} goes on in the background", job_.id()),
                   fmt::format("batuta hf jobs watch {}  follows it, and  batuta hf jobs cancel {}  ends it",
                               job_.id(), job_.id()),
                   {{"job_id", job_.id()}});
}

absl::Status JobSession::Cancel() {
  was_cancelled_here_ = true;
  ASSIGN_OR_RETURN(const Connection connection, context_.connector.Open({.may_spawn = false}));
  const absl::Status status = connection.client->CancelJob(job_.id()).status();
  return ReasonOf(status) == reason::kJobFinished ? absl::OkStatus() : status;
}

absl::StatusOr<v1::Job> JobSession::Outcome(const absl::Status& end) {
  if (ReasonOf(end) == reason::kDaemonStopping) {
    return MakeError(
        end.code(), reason::kDaemonStopping,
        fmt::format("the daemon was stopped, and job {} with it", job_.id()),
        fmt::format("the job goes on once the daemon runs again: batuta hf jobs watch {}", job_.id()));
  }
  if (!end.ok()) {
    return Annotate(end, fmt::format("job {} cannot be followed any longer", job_.id()));
  }
  switch (job_.state()) {
    case v1::Job::STATE_DONE:
      return job_;
    case v1::Job::STATE_CANCELLED:
      return MakeError(was_cancelled_here_ ? absl::StatusCode::kCancelled : absl::StatusCode::kAborted,
                       reason::kCancelled, fmt::format("job {} was cancelled", job_.id()));
    default: {
      absl::Status status = FromErrorText(job_.error());
      return status.ok() ? absl::UnknownError(fmt::format("job {} failed", job_.id())) : status;
    }
  }
}

void CompleteReport(const v1::Job& job, uint64_t elapsed_ms, PullReport& report) {
  report.SetSubject(job.repo(), job.revision());
  report.SetCommit(job.commit());
  report.SetPath(job.snapshot_path());
  report.SetTotals(job.downloaded_bytes(), elapsed_ms);
  report.SetChoice(job.chosen(), job.choice());
}

}  // namespace batuta::client
