#include "client/inspection/inspector_team.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "common/status/status.h"

namespace batuta::client {
namespace {

constexpr int kMostMembers = 8;
constexpr size_t kMostOnTheirWay = 64;

int MemberCount() {
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostMembers);
}

}  // namespace

InspectorTeam::InspectorTeam(const Inspectors::Options& options)
    : pool_(WorkerPool::Start("inspect", MemberCount())) {
  MutexLock lock(mutex_);
  for (int i = 0; i < MemberCount(); ++i) free_.push_back(std::make_unique<Inspectors>(options));
}

InspectorTeam::~InspectorTeam() {
  is_over_ = true;
  pool_->Stop();
}

Inspectors& InspectorTeam::first() {
  MutexLock lock(mutex_);
  return *free_.back();
}

absl::StatusOr<std::vector<std::string>> InspectorTeam::CheckSettings() {
  return first().CheckSettings();
}

absl::StatusOr<v1::Inspection> InspectorTeam::Inspect(const WalkedFile& file) {
  if (is_over_) return absl::CancelledError("nobody wants to know any more");
  std::unique_ptr<Inspectors> member;
  {
    // There are as many as threads.
    MutexLock lock(mutex_);
    member = std::move(free_.back());
    free_.pop_back();
  }
  absl::StatusOr<v1::Inspection> seen = member->Inspect(file);
  MutexLock lock(mutex_);
  free_.push_back(std::move(member));
  return seen;
}

absl::StatusOr<bool> InspectorTeam::Give(const WalkedFile& file, Take take) {
  std::promise<absl::StatusOr<v1::Inspection>> promise;
  asked_.push_back({file, promise.get_future()});
  pool_->Post([this, file, promise = std::move(promise)]() mutable { promise.set_value(Inspect(file)); });
  return Serve(kMostOnTheirWay, take);
}

absl::StatusOr<bool> InspectorTeam::Finish(Take take) {
  return Serve(0, take);
}

absl::StatusOr<bool> InspectorTeam::Serve(size_t most_on_their_way, Take take) {
  while (!asked_.empty()) {
    Asked& asked = asked_.front();
    const bool is_seen = asked.seen.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    if (!is_seen && asked_.size() <= most_on_their_way) return true;
    ASSIGN_OR_RETURN(v1::Inspection seen, asked.seen.get());
    const WalkedFile file = std::move(asked.file);
    asked_.pop_front();
    if (!take(file, std::move(seen))) return false;
  }
  return true;
}

}  // namespace batuta::client
