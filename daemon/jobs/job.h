#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "common/time/clock.h"
#include "common/types/principal.h"
#include "daemon/pull/pull_request.h"
#include "daemon/pull/review.h"

namespace batuta::jobs {

using JobId = std::string;  // 12 hex characters

enum class JobState { kQueued, kRunning, kWaiting, kPaused, kDone, kFailed, kCancelled };

// "queued", "running" …
std::string_view ToString(JobState state);

inline bool HasEnded(JobState state) {
  return state == JobState::kDone || state == JobState::kFailed || state == JobState::kCancelled;
}

// What is kept of a job in the catalog.
struct JobRecord {
  JobId id;
  Principal owner;
  std::string request_id;  // made by the client; may be empty
  pull::PullRequest request;
  bool had_token = false;  // it was enqueued with a token, which is not kept
  JobState state = JobState::kQueued;
  WallTime created;
  std::optional<WallTime> finished;
  std::string commit;         // empty until resolved
  std::string snapshot_path;  // empty until done
  uint64_t downloaded_bytes = 0;
  uint64_t elapsed_ms = 0;
  absl::Status error;  // of a failed job
};

// One file of a job.
struct JobFile {
  enum class Status { kPending, kRunning, kDownloaded, kCached, kSkipped, kFailed };

  std::string path;
  uint64_t size_bytes = 0;
  std::string blob;
  Status status = Status::kPending;
  std::string reason;
  std::string warning;  // what is unsafe about it and was admitted
  uint64_t done_bytes = 0;
  uint64_t sequence = 0;  // of its latest change
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
};

// What changed in a job after a sequence number.
struct JobChanges {
  uint64_t sequence = 0;  // ask with this one next
  JobView job;
  std::vector<JobFile> files;
  bool more = false;  // there are further changes to read at once
};

}  // namespace batuta::jobs
