#pragma once

#include <map>
#include <string>

#include "common/sync/mutex.h"
#include "common/types/repo_id.h"

namespace batuta::cache {

// RepoGate keeps what looks for a blob and then counts on it apart from what takes blobs away: in one repo
// any number of the first kind may be inside, or one of the second. Thread-safe. Entering blocks until it
// may; a thread that is inside does not enter again.
class RepoGate {
 public:
  // Inside, as long as it lives. The gate outlives it.
  class Pass {
   public:
    Pass(Pass&& other) noexcept;
    Pass& operator=(Pass&&) = delete;
    ~Pass();

   private:
    friend class RepoGate;

    Pass(RepoGate& gate, std::string repo, bool is_alone)
        : gate_(&gate), repo_(std::move(repo)), is_alone_(is_alone) {}

    RepoGate* gate_;
    const std::string repo_;
    const bool is_alone_;
  };

  Pass Enter(const RepoId& repo);
  Pass EnterAlone(const RepoId& repo);

 private:
  struct Inside {
    int together = 0;
    int waiting_alone = 0;  // whoever waits goes before newcomers
    bool alone = false;
  };

  void Leave(const std::string& repo, bool is_alone);

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Inside> inside_ ABSL_GUARDED_BY(mutex_);  // by folder; only those in use
};

}  // namespace batuta::cache
