#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "daemon/jobs/job.h"
#include "daemon/jobs/push_job.h"
#include "daemon/jobs/queued_job.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/pull/pull_run.h"

namespace batuta::jobs {

struct JobQueueOptions {
  size_t keep_ended = 200;                        // a user's ended jobs that stay listed; older ones go
  size_t max_active = 10'000;                     // jobs not ended; more are refused (DAEMON_BUSY)
  size_t max_active_of_user = 2'000;              // of them, those of one user
  size_t max_request_bytes_of_user = 64 << 20;    // of the requests of those, and as much of the ended ones
  std::chrono::milliseconds progress_every{100};  // at most so often a watcher is told of progress

  // A token for a job that is resumed at start, e.g. from the user's token file in user mode; may be empty.
  std::function<Secret(uint32_t uid)> token_of;

  // Begins the run of a push; see PushRun::Start().
  PushStarter start_push;
};

// JobQueue keeps every job, runs those that should run, journals each change of state in the catalog, and
// tells watchers. A job is visible to its owner and to root only; for others it does not exist.
//
// Lives on the core sequence: every method is called there, every callback comes there.
class JobQueue {
 public:
  template <typename T>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<T>)>;
  using WatchId = uint64_t;

  // Everything borrowed outlives the queue; destroy it only after Drain() has called back.
  JobQueue(JobQueueOptions options, const pull::PullContext& context, metadata::MetadataStore& store,
           Sequence& core, WorkerPool& disk, const Clock& clock);
  ~JobQueue();

  // Takes in what the catalog holds (records as Scan gave them) and lets unfinished jobs go on. Once, before
  // serving. Records that cannot be read are logged and left where they are.
  void Load(const std::vector<std::string>& records);

  // Enqueues a pull or a push; answers when the job is journalled. The same request_id of the same uid
  // answers with the same job, and so does the same push of a folder that a client serves while it is under
  // way: one that comes back goes on where it stood.
  //   kUnavailable (DAEMON_STOPPING), kResourceExhausted (DAEMON_BUSY), and those of the catalog.
  void Start(const Principal& caller, Secret token, std::string request_id, JobRequest request,
             Callback<JobView> done);

  // Newest first.
  std::vector<JobView> List(const Principal& caller, bool active_only) const;

  // `id`, here and below, may be an unambiguous beginning of ≥ 4 characters.
  //   kNotFound (JOB_NOT_FOUND), kInvalidArgument (INVALID_ARGUMENT) several jobs of the caller begin so.
  absl::StatusOr<JobView> Get(const Principal& caller, std::string_view id) const;

  //   kNotFound (JOB_NOT_FOUND), kFailedPrecondition (JOB_FINISHED)
  absl::StatusOr<JobView> Cancel(const Principal& caller, std::string_view id);
  absl::StatusOr<JobView> Pause(const Principal& caller, std::string_view id);

  // A paused or waiting job tries now, with this token (may be empty when it needs none).
  absl::StatusOr<JobView> Resume(const Principal& caller, std::string_view id, Secret token);

  // What is under way follows at once.
  absl::StatusOr<JobView> SetPriority(const Principal& caller, std::string_view id, Priority priority);
  absl::StatusOr<JobView> SetLimit(const Principal& caller, std::string_view id, uint64_t bytes_per_second);

  // Calls `done` when everything that changed so far is in the catalog: whoever is told of a change before
  // that may see it undone by a crash. Not called when the queue ends first.
  void WhenJournalled(absl::AnyInvocable<void()> done);

  // A token that a call of `uid` brought along: jobs of that uid that wait for credentials go on.
  void OfferToken(uint32_t uid, const Secret& token);

  // A client of `uid` serves the folder, or file, at `path`: pushes of it that wait for that go on.
  void OfferFolder(uint32_t uid, const std::filesystem::path& path, const Secret& token);

  // `changed` is called after changes of the job, soon but not for each, until Unwatch(); read them with
  // ReadChanges().
  absl::StatusOr<WatchId> Watch(const Principal& caller, std::string_view id, std::function<void()> changed);
  void Unwatch(WatchId watch);

  // What changed after `after_sequence` (0 = everything); with max_files 0 only the job itself.   kNotFound
  // (JOB_NOT_FOUND)  the job was forgotten meanwhile.
  absl::StatusOr<JobChanges> ReadChanges(WatchId watch, uint64_t after_sequence, size_t max_files) const;

  // Not ended.
  size_t active() const;

  // Of those.
  Activity activity() const;

  // How many are in each state, in the order of JobState; of all users.
  std::vector<std::pair<JobState, size_t>> CountByState() const;

  // Called whenever active() may have changed; one listener.
  void OnActivity(std::function<void()> listener) { on_activity_ = std::move(listener); }

  // Stops every run, journals, then calls `done`. Later calls of Start and Resume are refused. Unfinished
  // jobs go on at the next start.
  void Drain(absl::AnyInvocable<void()> done);

 private:
  struct Slot {
    std::unique_ptr<QueuedJob> job;
    uint64_t number = 0;       // order of arrival
    size_t request_bytes = 0;  // of the record when it came
    bool is_tell_pending = false;
    std::optional<Secret>
        offer;  // its folder was served again while it ran, maybe before it saw that it was not
    std::map<WatchId, std::function<void()>> watchers;
  };

  Slot& Add(JobRecord record);
  const Slot* FindSame(const Principal& caller, const JobRequest& request) const;
  absl::StatusOr<Slot*> Find(const Principal& caller, std::string_view id);
  absl::StatusOr<const Slot*> Find(const Principal& caller, std::string_view id) const;
  absl::StatusOr<Slot*> FindActive(const Principal& caller, std::string_view id);
  void OnEvent(const JobId& id, QueuedJob::Event event);
  void TakeOffer(Slot& slot);
  void TellSoon(const JobId& id);
  void Tell(const JobId& id);
  absl::Status CheckRoom(uint32_t uid, size_t request_bytes) const;
  void Save(const QueuedJob& job);
  void ForgetOld();
  JobId NewId() const;

  const JobQueueOptions options_;
  const pull::PullContext context_;
  metadata::MetadataStore& store_;
  Sequence& core_;
  const Clock& clock_;
  Strand journal_;  // catalog writes, in order
  std::map<JobId, Slot> slots_;
  std::map<std::pair<uint32_t, std::string>, JobId> by_request_;
  std::map<WatchId, JobId> watched_;
  uint64_t next_number_ = 1;
  WatchId next_watch_ = 1;
  bool draining_ = false;
  std::function<void()> on_activity_;
  std::shared_ptr<bool> alive_;  // for tasks that outlive the queue
};

}  // namespace batuta::jobs
