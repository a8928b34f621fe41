#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"

#include "common/time/clock.h"
#include "common/types/principal.h"
#include "daemon/pull/pull_request.h"
#include "daemon/pull/review.h"
#include "daemon/push/plan.h"
#include "daemon/push/push_request.h"

namespace batuta::jobs {

using JobId = std::string;  // 12 hex characters

enum class JobState { kQueued, kRunning, kWaiting, kPaused, kDone, kFailed, kCancelled };
inline constexpr std::array kJobStates = {JobState::kQueued,   JobState::kRunning, JobState::kWaiting,
                                          JobState::kPaused,   JobState::kDone,    JobState::kFailed,
                                          JobState::kCancelled};

// "queued", "running" …
std::string_view ToString(JobState state);

inline bool HasEnded(JobState state) {
  return state == JobState::kDone || state == JobState::kFailed || state == JobState::kCancelled;
}

using JobRequest = std::variant<pull::PullRequest, push::PushRequest>;

// What is kept of a job in the catalog.
struct JobRecord {
  JobId id;
  Principal owner;
  std::string request_id;  // made by the client; may be empty
  JobRequest request;
  bool had_token = false;  // it was enqueued with a token, which is not kept
  JobState state = JobState::kQueued;
  WallTime created;
  std::optional<WallTime> finished;
  std::string commit;         // empty until resolved; of a push: until it is done
  std::string snapshot_path;  // of a pull; empty until done
  uint64_t downloaded_bytes = 0;
  uint64_t elapsed_ms = 0;
  absl::Status error;  // of a failed job
  uint64_t uploaded_bytes = 0;
  std::string url = {};   // of a push: see Job.url in types.proto
  std::string card = {};  // likewise

  bool is_push() const { return std::holds_alternative<push::PushRequest>(request); }

  const pull::PullRequest& pull() const { return std::get<pull::PullRequest>(request); }

  pull::PullRequest& pull() { return std::get<pull::PullRequest>(request); }

  const push::PushRequest& push() const { return std::get<push::PushRequest>(request); }

  push::PushRequest& push() { return std::get<push::PushRequest>(request); }

  const RepoId& repo() const;
  const Revision& revision() const;  // of a push: the branch
  Priority priority() const;
  void set_priority(Priority priority);
  uint64_t limit_bytes_per_second() const;
  void set_limit_bytes_per_second(uint64_t limit);
  bool may_wait() const;
};

// How many jobs of all users are in which state.
struct Activity {
  size_t queued = 0;
  size_t running = 0;
  size_t waiting = 0;
  size_t paused = 0;
  std::string waiting_reason = {};  // of the waiting job that is to go on first
  std::optional<WallTime> waiting_until = {};
};

// One file of a pull.
struct JobFile {
  enum class Status { kPending, kRunning, kDownloaded, kCached, kSkipped, kFailed };

  std::string path;
  uint64_t size_bytes = 0;
  std::string blob;
  Status status = Status::kPending;
  std::string reason;
  std::string warning;  // what is unsafe about it and was admitted
  uint64_t done_bytes = 0;
};

// One file of a push.
struct PushedFile {
  enum class Status { kPending, kRunning, kSent, kStored, kCommitted };

  std::string path;
  uint64_t size_bytes = 0;
  std::string blob;
  push::Change change = push::Change::kUnchanged;
  bool is_lfs = false;
  Status status = Status::kPending;
  std::string warning = {};
  std::string copy_of = {};
  uint64_t done_bytes = 0;
};

// A job as others see it.
struct JobView {
  JobRecord record;
  std::string waiting_reason;
  std::optional<WallTime> waiting_until;
  std::string last_error;
  int attempts = 0;
  uint64_t total_bytes = 0;
  uint64_t done_bytes = 0;
  uint64_t bytes_per_second = 0;
  uint32_t files_total = 0;
  uint32_t files_done = 0;
  std::shared_ptr<const pull::Review> review = nullptr;  // what there was to say of the repo; null: nothing
  std::string_view phase = {};  // of a push: "planning", "uploading", "committing"; empty otherwise
};

// What changed in a job after a sequence number.
struct JobChanges {
  uint64_t sequence = 0;  // ask with this one next
  JobView job;
  std::vector<JobFile> files = {};          // of a pull
  std::vector<PushedFile> push_files = {};  // of a push
  bool more = false;                        // there are further changes to read at once
};

}  // namespace batuta::jobs
