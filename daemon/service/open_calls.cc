#include "daemon/service/open_calls.h"

#include <vector>

#include "common/status/status.h"

namespace batuta::service {

absl::Status StoppingError() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonStopping, "the daemon is shutting down",
                   "try again in a moment");
}

void OpenCalls::Begin(const std::shared_ptr<OpenCall>& call) {
  bool is_stopping = false;
  {
    const MutexLock lock(mutex_);
    calls_.emplace(call.get(), call);
    is_stopping = is_stopping_;
  }
  if (is_stopping) call->Abort();
}

void OpenCalls::End(const OpenCall* call, SteadyTime now) {
  const MutexLock lock(mutex_);
  calls_.erase(call);
  last_end_ = now;
}

void OpenCalls::Stop() {
  std::vector<std::shared_ptr<OpenCall>> calls;
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    for (const auto& [key, call] : calls_) {
      if (auto alive = call.lock()) calls.push_back(std::move(alive));
    }
  }
  for (const std::shared_ptr<OpenCall>& call : calls) call->Abort();
}

size_t OpenCalls::running() const {
  const MutexLock lock(mutex_);
  return calls_.size();
}

SteadyTime OpenCalls::last_end() const {
  const MutexLock lock(mutex_);
  return last_end_;
}

}  // namespace batuta::service
