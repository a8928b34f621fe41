#include "daemon/service/open_calls.h"

#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::service {

absl::Status StoppingError() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kDaemonStopping, "the daemon is shutting down",
                   "try again in a moment");
}

absl::Status TooManyCallsError(size_t max) {
  return MakeError(absl::StatusCode::kResourceExhausted, reason::kDaemonBusy,
                   fmt::format("{} calls of this user are under way already", max),
                   "let some of them end: each watch and each lease that is held counts as one");
}

void OpenCalls::Begin(const std::shared_ptr<OpenCall>& call) {
  bool is_stopping = false;
  bool is_full = false;
  {
    const MutexLock lock(mutex_);
    is_full = calls_.size() >= max_;
    is_stopping = is_stopping_;
    calls_.emplace(call.get(), call);
  }
  if (all_ != nullptr) all_->Begin(call);
  if (is_stopping) return call->Abort(StoppingError());
  if (is_full) call->Abort(TooManyCallsError(max_));
}

void OpenCalls::End(const OpenCall* call, SteadyTime now) {
  if (all_ != nullptr) all_->End(call, now);
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
  for (const std::shared_ptr<OpenCall>& call : calls) call->Abort(StoppingError());
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
