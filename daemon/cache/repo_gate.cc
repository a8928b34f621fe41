#include "daemon/cache/repo_gate.h"

#include <utility>

namespace batuta::cache {

RepoGate::Pass::Pass(Pass&& other) noexcept
    : gate_(std::exchange(other.gate_, nullptr)), repo_(other.repo_), is_alone_(other.is_alone_) {}

RepoGate::Pass::~Pass() {
  if (gate_ != nullptr) gate_->Leave(repo_, is_alone_);
}

RepoGate::Pass RepoGate::Enter(const RepoId& repo) {
  std::string folder = repo.folder();
  MutexLock lock(mutex_);
  // Looked up again each time: a record goes with the last who is inside.
  while (inside_[folder].alone || inside_[folder].waiting_alone > 0) changed_.Wait(mutex_);
  ++inside_[folder].together;
  return Pass(*this, std::move(folder), false);
}

RepoGate::Pass RepoGate::EnterAlone(const RepoId& repo) {
  std::string folder = repo.folder();
  MutexLock lock(mutex_);
  ++inside_[folder].waiting_alone;
  while (inside_[folder].alone || inside_[folder].together > 0) changed_.Wait(mutex_);
  --inside_[folder].waiting_alone;
  inside_[folder].alone = true;
  return Pass(*this, std::move(folder), true);
}

void RepoGate::Leave(const std::string& repo, bool is_alone) {
  MutexLock lock(mutex_);
  const auto place = inside_.find(repo);
  if (is_alone) {
    place->second.alone = false;
  } else {
    --place->second.together;
  }
  if (place->second.together == 0 && place->second.waiting_alone == 0) inside_.erase(place);
  changed_.NotifyAll();
}

}  // namespace batuta::cache
