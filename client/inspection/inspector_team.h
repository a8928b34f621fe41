#pragma once

#include <atomic>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "batuta/v1/inspection.pb.h"

#include "client/inspection/file_walk.h"
#include "client/inspection/inspectors.h"
#include "common/sync/mutex.h"
#include "common/sync/worker_pool.h"

namespace batuta::client {

// InspectorTeam has files looked into side by side, each by a batuta-inspect of its own: as many as there are
// processors, a few at most. A process is started when it is first needed. Used by one thread.
class InspectorTeam {
 public:
  // What was seen of a file; false: nobody wants to know more.
  using Take = absl::FunctionRef<bool(const WalkedFile& file, v1::Inspection seen)>;

  explicit InspectorTeam(const Inspectors::Options& options);

  // Waits for the files that are being looked into; an interrupt ends that.
  ~InspectorTeam();
  InspectorTeam(const InspectorTeam&) = delete;
  InspectorTeam& operator=(const InspectorTeam&) = delete;

  // As Inspectors does.
  absl::StatusOr<std::vector<std::string>> CheckSettings();

  // Hands a file over, waiting when many are on their way. Gives `take` what was seen of the files before it,
  // in their order, as far as it is there. False once `take` has said so.
  //   Errors of Inspectors: there is nothing to go on with.
  absl::StatusOr<bool> Give(const WalkedFile& file, Take take);

  // Waits for the rest. As above.
  absl::StatusOr<bool> Finish(Take take);

  // For questions about a file among others. Only when none is on its way.
  Inspectors& first();

 private:
  struct Asked {
    WalkedFile file;
    std::future<absl::StatusOr<v1::Inspection>> seen;
  };

  absl::StatusOr<v1::Inspection> Inspect(const WalkedFile& file);
  absl::StatusOr<bool> Serve(size_t most_on_their_way, Take take);

  std::atomic<bool> is_over_ = false;
  Mutex mutex_;
  std::vector<std::unique_ptr<Inspectors>> free_ ABSL_GUARDED_BY(mutex_);  // the last one was used last
  std::deque<Asked> asked_;
  const std::unique_ptr<WorkerPool>
      pool_;  // its threads outlive the processes, which end with the thread that started them
};

}  // namespace batuta::client
