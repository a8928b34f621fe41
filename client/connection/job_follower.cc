#include "client/connection/job_follower.h"

#include <algorithm>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/status/status.h"

namespace batuta::client {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr size_t kMaxEvents = 4;  // each may carry a thousand files
constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{1'000};

// Somebody stopped the daemon: a restart brings another one within a moment, and else it is to stay away.
constexpr milliseconds kRestart{10'000};

bool HasEnded(v1::Job::State state) {
  return state == v1::Job::STATE_DONE || state == v1::Job::STATE_FAILED || state == v1::Job::STATE_CANCELLED;
}

bool MayComeBack(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return status.ok() || reason == reason::kDaemonUnreachable || reason == reason::kDaemonStopping ||
         reason == reason::kDaemonBusy;
}

}  // namespace

JobFollower::JobFollower(const Connector& connector, Connection connection, std::string job_id,
                         Options options)
    : connector_(connector),
      job_id_(std::move(job_id)),
      options_(options),
      connection_(std::move(connection)),
      ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reader_([this] { Run(); }) {}

JobFollower::~JobFollower() {
  {
    const MutexLock lock(mutex_);
    is_stopped_ = true;
  }
  room_.NotifyAll();
  stop_.Stop();
  reader_.join();
}

std::optional<JobFollower::Event> JobFollower::Next() {
  const MutexLock lock(mutex_);
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  if (events_.empty()) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(ready_.get(), &count, sizeof count);
  }
  room_.NotifyAll();
  return event;
}

bool JobFollower::Push(Event event) {
  const MutexLock lock(mutex_);
  while (events_.size() >= kMaxEvents && !is_stopped_) room_.Wait(mutex_);
  if (is_stopped_) return false;
  events_.push_back(std::move(event));
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t wrote = ::write(ready_.get(), &one, sizeof one);
  return true;
}

void JobFollower::Run() {
  while (true) {
    absl::Status status = WatchOnce();
    if (stop_.is_stopped()) return;
    if (has_ended_ || !MayComeBack(status)) {
      Push({Event::Kind::kEnd, {}, has_ended_ ? absl::OkStatus() : std::move(status)});
      return;
    }
    if (status.ok()) status = absl::UnavailableError("the daemon ended the stream");
    if (!Reconnect(std::move(status))) return;
  }
}

absl::Status JobFollower::WatchOnce() {
  v1::WatchJobRequest request;
  request.set_job_id(job_id_);
  request.set_after_sequence(sequence_);
  request.set_without_files(options_.without_files);
  return connection_.client->WatchJob(request, stop_, [this](const v1::WatchJobResponse& update) {
    sequence_ = update.sequence();
    has_ended_ = HasEnded(update.job().state());
    return Push({Event::Kind::kUpdate, update, absl::OkStatus()});
  });
}

bool JobFollower::WaitBeforeRetry(milliseconds pause) {
  const SteadyClock::time_point until = SteadyClock::now() + pause;
  const MutexLock lock(mutex_);
  while (!is_stopped_ && SteadyClock::now() < until) room_.WaitUntil(mutex_, until);
  return !is_stopped_;
}

bool JobFollower::Reconnect(absl::Status why) {
  if (!Push({Event::Kind::kLost, {}, why})) return false;
  const bool was_stopped = ReasonOf(why) == reason::kDaemonStopping;
  const absl::Status stopped = was_stopped ? why : absl::OkStatus();
  const SteadyClock::time_point give_up =
      SteadyClock::now() +
      (was_stopped ? std::min(options_.give_up_after, kRestart) : options_.give_up_after);
  milliseconds pause = kFirstPause;
  while (WaitBeforeRetry(pause)) {
    absl::StatusOr<Connection> connection = connector_.Open({.may_spawn = !was_stopped});
    if (connection.ok()) {
      const bool is_another =
          connection->status.pid() != connection_.status.pid() ||
          connection->status.started().seconds() != connection_.status.started().seconds();
      connection_ = *std::move(connection);
      if (!is_another) return true;
      sequence_ = 0;
      return Push({Event::Kind::kFromStart, {}, absl::OkStatus()});
    }
    why = connection.status();
    if (!MayComeBack(why) || SteadyClock::now() >= give_up) {
      Push({Event::Kind::kEnd, {}, was_stopped ? stopped : why});
      return false;
    }
    pause = std::min(2 * pause, kLongestPause);
  }
  return false;
}

}  // namespace batuta::client
