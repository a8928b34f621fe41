#include "daemon/jobs/job_queue.h"

#include <algorithm>
#include <random>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/jobs/job_codec.h"
#include "daemon/jobs/pull_job.h"

namespace batuta::jobs {

using metadata::Durability;
using metadata::Table;

namespace {

constexpr size_t kMinIdPrefix = 4;
constexpr size_t kMaxRequestId = 64;

absl::Status NotFound(std::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, reason::kJobNotFound,
                   fmt::format("there is no job {}", Quoted(id)), "batuta hf jobs ls lists your jobs");
}

absl::Status Stopping() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonStopping, "the daemon is shutting down",
                   "try again in a moment");
}

bool MaySee(const Principal& caller, const JobRecord& job) {
  return caller.uid == 0 || caller.uid == job.owner.uid;
}

// Would both do the same? The digests of what was agreed to are different ones once the first has begun, for
// example has made the repo; a job of which the folder is not what was agreed to ends by itself
// (PLAN_CHANGED).
bool AreSame(const push::PushRequest& one, const push::PushRequest& other) {
  const auto what = [](const push::PushRequest& push) {
    return std::tie(push.repo, push.endpoint, push.path, push.branch, push.message, push.description,
                    push.create_pr, push.is_private, push.delete_globs, push.allow_secrets, push.makes_card,
                    push.space_sdk);
  };
  return what(one) == what(other) && one.plan_digest.empty() == other.plan_digest.empty();
}

}  // namespace

JobQueue::JobQueue(JobQueueOptions options, const pull::PullContext& context, metadata::MetadataStore& store,
                   Sequence& core, WorkerPool& disk, const Clock& clock)
    : options_(std::move(options)),
      context_(context),
      store_(store),
      core_(core),
      clock_(clock),
      journal_(disk),
      alive_(std::make_shared<bool>(true)) {}

JobQueue::~JobQueue() = default;

void JobQueue::Load(const std::vector<std::string>& records) {
  core_.AssertCurrent();
  std::vector<JobRecord> jobs;
  for (const std::string& text : records) {
    absl::StatusOr<JobRecord> job = DecodeJob(text);
    if (job.ok()) {
      jobs.push_back(*std::move(job));
    } else {
      LogWarn("job record left alone", Field("error", std::string(MessageOf(job.status()))));
    }
  }
  std::ranges::sort(jobs, {}, &JobRecord::created);
  std::vector<JobId> unfinished;
  for (JobRecord& job : jobs) {
    if (!HasEnded(job.state) && job.state != JobState::kPaused) unfinished.push_back(job.id);
    Add(std::move(job));
  }
  for (const JobId& id : unfinished) {
    QueuedJob& job = *slots_.at(id).job;
    LogInfo("job resumed", Field("job", id), Field("repo", job.record().repo().id()));
    job.Run(job.record().had_token && options_.token_of ? options_.token_of(job.record().owner.uid)
                                                        : Secret());
  }
  ForgetOld();
}

JobQueue::Slot& JobQueue::Add(JobRecord record) {
  const JobId id = record.id;
  if (!record.request_id.empty()) by_request_[{record.owner.uid, record.request_id}] = id;
  Slot& slot = slots_[id];
  slot.number = next_number_++;
  slot.request_bytes = EncodeJob(record).size();
  auto on_event = [this, id](QueuedJob::Event event) { OnEvent(id, event); };
  if (record.is_push()) {
    slot.job = std::make_unique<PushJob>(
        std::move(record), options_.start_push, clock_, std::move(on_event),
        [this](absl::AnyInvocable<void()> done) { WhenJournalled(std::move(done)); });
  } else {
    slot.job = std::make_unique<PullJob>(std::move(record), context_, std::move(on_event));
  }
  return slot;
}

void JobQueue::Start(const Principal& caller, Secret token, std::string request_id, JobRequest request,
                     Callback<JobView> done) {
  core_.AssertCurrent();
  if (draining_) {
    return done(Stopping());
  }
  if (request_id.size() > kMaxRequestId) {
    return done(MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                          fmt::format("request_id is longer than {} characters", kMaxRequestId)));
  }
  if (const auto known = by_request_.find({caller.uid, request_id});
      !request_id.empty() && known != by_request_.end()) {
    return done(slots_.at(known->second).job->View());
  }
  if (const Slot* same = FindSame(caller, request)) return done(same->job->View());
  JobRecord record{.id = NewId(),
                   .owner = caller,
                   .request_id = std::move(request_id),
                   .request = std::move(request),
                   .had_token = !token.empty(),
                   .state = JobState::kQueued,
                   .created = clock_.wall(),
                   .finished = std::nullopt,
                   .commit = {},
                   .snapshot_path = {},
                   .error = absl::OkStatus()};
  const JobId id = record.id;
  std::string text = EncodeJob(record);
  if (absl::Status room = CheckRoom(caller.uid, text.size()); !room.ok()) return done(std::move(room));
  Add(std::move(record));
  journal_.Post([this, id, text = std::move(text), token = std::move(token), alive = std::weak_ptr(alive_),
                 done = std::move(done)]() mutable {
    absl::Status saved = metadata::Put(store_, Table::kJobs, id, text, Durability::kProcess);
    core_.Post([this, id, saved, token = std::move(token), alive, done = std::move(done)]() mutable {
      if (alive.expired()) return;
      const auto slot = slots_.find(id);
      if (slot == slots_.end()) return done(NotFound(id));
      if (!saved.ok()) {
        slot->second.job->Cancel();
        return done(Annotate(saved, "job not accepted"));
      }
      const bool is_new =
          slot->second.job->record().state == JobState::kQueued;  // not paused or cancelled meanwhile
      if (is_new && !draining_) slot->second.job->Run(std::move(token));
      done(slot->second.job->View());
    });
  });
}

// Whether one more job of the user fits beside those that have not ended.
absl::Status JobQueue::CheckRoom(uint32_t uid, size_t request_bytes) const {
  size_t all = 0;
  size_t own = 0;
  size_t own_bytes = request_bytes;
  for (const auto& [id, slot] : slots_) {
    const JobRecord& job = slot.job->record();
    if (HasEnded(job.state)) continue;
    ++all;
    if (job.owner.uid != uid) continue;
    ++own;
    own_bytes += slot.request_bytes;
  }
  const auto full = [](std::string_view what) {
    return MakeError(absl::StatusCode::kResourceExhausted, reason::kDaemonBusy, what,
                     "wait for some to end, or cancel some: batuta hf jobs ls");
  };
  if (all >= options_.max_active) {
    return full(fmt::format("{} jobs are in the queue already", options_.max_active));
  }
  if (own >= options_.max_active_of_user) {
    return full(fmt::format("{} jobs of this user are in the queue already", options_.max_active_of_user));
  }
  if (own_bytes > options_.max_request_bytes_of_user) {
    return full(fmt::format("the requests of this user's jobs would hold more than {}",
                            FormatBytes(options_.max_request_bytes_of_user)));
  }
  return absl::OkStatus();
}

const JobQueue::Slot* JobQueue::FindSame(const Principal& caller, const JobRequest& request) const {
  const auto* push = std::get_if<push::PushRequest>(&request);
  if (push == nullptr || !push->served) return nullptr;
  for (const auto& [id, slot] : slots_) {
    const JobRecord& job = slot.job->record();
    const bool is_under_way = !HasEnded(job.state) && job.state != JobState::kPaused;
    if (is_under_way && job.owner.uid == caller.uid && job.is_push() && job.push().served &&
        AreSame(job.push(), *push))
      return &slot;
  }
  return nullptr;
}

std::vector<JobView> JobQueue::List(const Principal& caller, bool active_only) const {
  core_.AssertCurrent();
  std::vector<const Slot*> found;
  for (const auto& [id, slot] : slots_) {
    const JobRecord& job = slot.job->record();
    if (MaySee(caller, job) && !(active_only && HasEnded(job.state))) found.push_back(&slot);
  }
  std::ranges::sort(found, std::greater<>(), &Slot::number);
  std::vector<JobView> jobs;
  jobs.reserve(found.size());
  for (const Slot* slot : found) jobs.push_back(slot->job->View());
  return jobs;
}

absl::StatusOr<const JobQueue::Slot*> JobQueue::Find(const Principal& caller, std::string_view id) const {
  core_.AssertCurrent();
  if (id.size() < kMinIdPrefix) return NotFound(id);
  std::vector<const Slot*> found;
  for (auto slot = slots_.lower_bound(std::string(id)); slot != slots_.end(); ++slot) {
    if (!slot->first.starts_with(id)) break;
    if (MaySee(caller, slot->second.job->record())) found.push_back(&slot->second);
    if (slot->first == id) break;
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return NotFound(id);
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("{} of your jobs begin with {}", found.size(), Quoted(id)),
                   "give more of the id: batuta hf jobs ls shows them whole");
}

absl::StatusOr<JobQueue::Slot*> JobQueue::Find(const Principal& caller, std::string_view id) {
  ASSIGN_OR_RETURN(const Slot* slot, std::as_const(*this).Find(caller, id));
  return &slots_.at(slot->job->record().id);
}

absl::StatusOr<JobQueue::Slot*> JobQueue::FindActive(const Principal& caller, std::string_view id) {
  ASSIGN_OR_RETURN(Slot * slot, Find(caller, id));
  const JobRecord& job = slot->job->record();
  if (!HasEnded(job.state)) return slot;
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kJobFinished,
                   fmt::format("job {} has ended already: {}", job.id, ToString(job.state)));
}

absl::StatusOr<JobView> JobQueue::Get(const Principal& caller, std::string_view id) const {
  ASSIGN_OR_RETURN(const Slot* slot, Find(caller, id));
  return slot->job->View();
}

absl::StatusOr<JobView> JobQueue::Cancel(const Principal& caller, std::string_view id) {
  ASSIGN_OR_RETURN(Slot * slot, FindActive(caller, id));
  slot->job->Cancel();
  return slot->job->View();
}

absl::StatusOr<JobView> JobQueue::Pause(const Principal& caller, std::string_view id) {
  ASSIGN_OR_RETURN(Slot * slot, FindActive(caller, id));
  slot->job->Pause();
  return slot->job->View();
}

absl::StatusOr<JobView> JobQueue::SetPriority(const Principal& caller, std::string_view id,
                                              Priority priority) {
  ASSIGN_OR_RETURN(Slot * slot, FindActive(caller, id));
  slot->job->SetPriority(priority);
  return slot->job->View();
}

absl::StatusOr<JobView> JobQueue::SetLimit(const Principal& caller, std::string_view id,
                                           uint64_t bytes_per_second) {
  ASSIGN_OR_RETURN(Slot * slot, FindActive(caller, id));
  slot->job->SetLimit(bytes_per_second);
  return slot->job->View();
}

absl::StatusOr<JobView> JobQueue::Resume(const Principal& caller, std::string_view id, Secret token) {
  if (draining_) return Stopping();
  ASSIGN_OR_RETURN(Slot * slot, FindActive(caller, id));
  const JobRecord& job = slot->job->record();
  if (caller.uid != job.owner.uid) token = Secret();  // a token serves its own user's jobs only
  if (job.state != JobState::kRunning) {
    slot->job->Suspend();
    slot->job->Run(std::move(token));
  }
  return slot->job->View();
}

void JobQueue::WhenJournalled(absl::AnyInvocable<void()> done) {
  core_.AssertCurrent();
  journal_.Post([&core = core_, alive = std::weak_ptr(alive_), done = std::move(done)]() mutable {
    core.Post([alive, done = std::move(done)]() mutable {
      if (!alive.expired()) done();
    });
  });
}

void JobQueue::OfferToken(uint32_t uid, const Secret& token) {
  core_.AssertCurrent();
  if (token.empty() || draining_) return;
  std::vector<QueuedJob*> waiting;
  for (auto& [id, slot] : slots_) {
    if (slot.job->waits_for_credentials() && slot.job->record().owner.uid == uid)
      waiting.push_back(slot.job.get());
  }
  for (QueuedJob* job : waiting) job->Run(token);
}

void JobQueue::OfferFolder(uint32_t uid, const std::filesystem::path& path, const Secret& token) {
  core_.AssertCurrent();
  if (draining_) return;
  std::vector<QueuedJob*> waiting;
  for (auto& [id, slot] : slots_) {
    const JobRecord& job = slot.job->record();
    if (HasEnded(job.state) || job.owner.uid != uid || !job.is_push() || job.push().path != path) continue;
    if (slot.job->waits_for_client()) {
      waiting.push_back(slot.job.get());
    } else {
      slot.offer = token;
    }
  }
  for (QueuedJob* job : waiting) job->Run(token);
}

absl::StatusOr<JobQueue::WatchId> JobQueue::Watch(const Principal& caller, std::string_view id,
                                                  std::function<void()> changed) {
  ASSIGN_OR_RETURN(Slot * slot, Find(caller, id));
  const WatchId watch = next_watch_++;
  slot->watchers.emplace(watch, std::move(changed));
  watched_.emplace(watch, slot->job->record().id);
  return watch;
}

void JobQueue::Unwatch(WatchId watch) {
  core_.AssertCurrent();
  const auto watched = watched_.find(watch);
  if (watched == watched_.end()) return;
  if (const auto slot = slots_.find(watched->second); slot != slots_.end())
    slot->second.watchers.erase(watch);
  watched_.erase(watched);
}

absl::StatusOr<JobChanges> JobQueue::ReadChanges(WatchId watch, uint64_t after_sequence,
                                                 size_t max_files) const {
  core_.AssertCurrent();
  const auto watched = watched_.find(watch);
  const auto slot = watched == watched_.end() ? slots_.end() : slots_.find(watched->second);
  if (slot == slots_.end()) return NotFound(watched == watched_.end() ? std::string() : watched->second);
  return slot->second.job->Changes(after_sequence, max_files);
}

size_t JobQueue::active() const {
  core_.AssertCurrent();
  return static_cast<size_t>(std::ranges::count_if(
      slots_, [](const auto& slot) { return !HasEnded(slot.second.job->record().state); }));
}

Activity JobQueue::activity() const {
  core_.AssertCurrent();
  Activity activity;
  for (const auto& [id, slot] : slots_) {
    const QueuedJob& job = *slot.job;
    const JobState state = job.record().state;
    if (state == JobState::kQueued) ++activity.queued;
    if (state == JobState::kRunning) ++activity.running;
    if (state == JobState::kPaused) ++activity.paused;
    if (state != JobState::kWaiting) continue;
    // One that does not know when goes on after all that do.
    const auto when = [](const std::optional<WallTime>& until) { return until.value_or(WallTime::max()); };
    if (activity.waiting == 0 || when(job.waiting_until()) < when(activity.waiting_until)) {
      activity.waiting_reason = job.waiting_reason();
      activity.waiting_until = job.waiting_until();
    }
    ++activity.waiting;
  }
  return activity;
}

std::vector<std::pair<JobState, size_t>> JobQueue::CountByState() const {
  core_.AssertCurrent();
  std::vector<std::pair<JobState, size_t>> counts;
  for (const JobState state : kJobStates) counts.emplace_back(state, 0);
  for (const auto& [id, slot] : slots_) ++counts[static_cast<size_t>(slot.job->record().state)].second;
  return counts;
}

void JobQueue::OnEvent(const JobId& id, QueuedJob::Event event) {
  if (event == QueuedJob::Event::kProgress) return TellSoon(id);
  const QueuedJob& job = *slots_.at(id).job;
  Save(job);
  const JobRecord& record = job.record();
  if (HasEnded(record.state)) {
    LogInfo("job ended", Field("job", id), Field("state", ToString(record.state)),
            Field("repo", record.repo().id()), Field("downloaded_bytes", record.downloaded_bytes),
            Field("uploaded_bytes", record.uploaded_bytes), Field("elapsed_ms", record.elapsed_ms),
            Field("error", std::string(MessageOf(record.error))));
  }
  // Not from within the job's own method: a watcher may ask for anything, and an old job may be forgotten.
  core_.Post([this, id, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (const auto slot = slots_.find(id); slot != slots_.end()) TakeOffer(slot->second);
    Tell(id);
    ForgetOld();
    if (on_activity_) on_activity_();
  });
}

void JobQueue::TakeOffer(Slot& slot) {
  if (!slot.offer || !slot.job->waits_for_client() || draining_) return;
  slot.job->Run(*std::exchange(slot.offer, std::nullopt));
}

void JobQueue::TellSoon(const JobId& id) {
  Slot& slot = slots_.at(id);
  if (slot.is_tell_pending || slot.watchers.empty()) return;
  slot.is_tell_pending = true;
  core_.PostAfter(options_.progress_every, [this, id, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (const auto found = slots_.find(id); found != slots_.end()) found->second.is_tell_pending = false;
    Tell(id);
  });
}

void JobQueue::Tell(const JobId& id) {
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return;
  const auto watchers = slot->second.watchers;  // a watcher may leave while it is told
  for (const auto& [watch, changed] : watchers) changed();
}

void JobQueue::Save(const QueuedJob& job) {
  // What costs nothing to do again need not survive a power cut.
  const Durability durability = job.is_worth_syncing() ? Durability::kPower : Durability::kProcess;
  journal_.Post([this, id = job.record().id, text = EncodeJob(job.record()), durability] {
    const absl::Status saved = metadata::Put(store_, Table::kJobs, id, text, durability);
    if (!saved.ok())
      LogError("job not journalled", Field("job", id), Field("error", std::string(MessageOf(saved))));
  });
}

void JobQueue::ForgetOld() {
  std::vector<std::pair<uint64_t, JobId>> ended;
  for (const auto& [id, slot] : slots_) {
    if (HasEnded(slot.job->record().state) && slot.watchers.empty()) ended.emplace_back(slot.number, id);
  }
  std::ranges::sort(ended, std::greater<>());

  struct Kept {
    size_t jobs = 0;
    size_t request_bytes = 0;
  };

  // Of each user by himself: nobody's jobs are forgotten because another one has many.
  std::map<uint32_t, Kept> kept_of;
  for (const auto& [number, id] : ended) {
    const Slot& slot = slots_.at(id);
    const JobRecord& record = slot.job->record();
    Kept& kept = kept_of[record.owner.uid];
    ++kept.jobs;
    kept.request_bytes += slot.request_bytes;
    const bool stays =
        kept.jobs <= options_.keep_ended && kept.request_bytes <= options_.max_request_bytes_of_user;
    if (stays) continue;
    by_request_.erase({record.owner.uid, record.request_id});
    slots_.erase(id);
    journal_.Post([this, id = id] {
      const absl::Status gone = metadata::Delete(store_, Table::kJobs, id, Durability::kProcess);
      if (!gone.ok())
        LogWarn("old job not deleted", Field("job", id), Field("error", std::string(MessageOf(gone))));
    });
  }
}

JobId JobQueue::NewId() const {
  std::random_device random;
  JobId id;
  do {
    id = fmt::format("{:08x}{:04x}", random(), random() & 0xffffU);
  } while (slots_.contains(id));
  return id;
}

void JobQueue::Drain(absl::AnyInvocable<void()> done) {
  core_.AssertCurrent();
  draining_ = true;
  for (auto& [id, slot] : slots_) slot.job->Suspend();
  // The strand runs in order: when this comes back, everything before it is in the catalog.
  journal_.Post([this, done = std::move(done)]() mutable { core_.Post(std::move(done)); });
}

}  // namespace batuta::jobs
