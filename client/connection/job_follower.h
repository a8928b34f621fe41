#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "batuta/v1/job_service.pb.h"

#include "client/connection/connector.h"
#include "common/io/unique_fd.h"
#include "common/sync/mutex.h"

namespace batuta::client {

// JobFollower hears everything that happens to a job, through broken connections and restarts of the daemon,
// until it ends.
//
// A thread of its own reads; the owner takes events one by one with Next() when ready_fd() is readable. The
// thread waits when the owner falls behind, so few events are ever held.
class JobFollower {
 public:
  struct Event {
    enum class Kind {
      kUpdate,     // `update`
      kFromStart,  // another daemon took over: every file will be told again
      kLost,       // the daemon is gone for now; `status` says why
      kEnd,        // the last event: OK when the job has ended, else why nothing more can be heard
    };

    Kind kind = Kind::kUpdate;
    v1::WatchJobResponse update;
    absl::Status status;
  };

  struct Options {
    bool without_files = false;
    std::chrono::milliseconds give_up_after{60'000};  // how long a daemon may be gone
  };

  // `connector` outlives the follower. `connection` is the first one; later ones come from the connector.
  JobFollower(const Connector& connector, Connection connection, std::string job_id, Options options);

  // Ends the watch; the job goes on.
  ~JobFollower();
  JobFollower(const JobFollower&) = delete;
  JobFollower& operator=(const JobFollower&) = delete;

  // The next event, if there is one. Never blocks.
  std::optional<Event> Next();

  // For poll(2). Borrowed.
  int ready_fd() const { return ready_.get(); }

 private:
  void Run();
  absl::Status WatchOnce();
  bool Reconnect(absl::Status why);
  bool Push(Event event);
  bool WaitBeforeRetry(std::chrono::milliseconds pause);

  const Connector& connector_;
  const std::string job_id_;
  const Options options_;
  Connection connection_;   // of the reading thread
  uint64_t sequence_ = 0;   // of the reading thread
  bool has_ended_ = false;  // of the reading thread: the job, as last heard
  UniqueFd ready_;          // an eventfd: readable while events wait
  CallStop stop_;
  Mutex mutex_;
  CondVar room_;
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread reader_;  // last: it starts when all the rest stands
};

}  // namespace batuta::client
