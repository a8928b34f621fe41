#include "daemon/app/call_pace.h"

#include <algorithm>
#include <chrono>

namespace batuta::app {

Duration CallPace::Add(SteadyTime now) {
  const std::chrono::duration<double> passed = now - at_;
  level_ = std::max(level_ - kPerSecond * passed.count(), 0.0) + 1;
  level_ = std::min(level_, kBurst + kMostWaiting);
  at_ = now;
  const std::chrono::duration<double> wait(std::max(level_ - kBurst, 0.0) / kPerSecond);
  return std::chrono::duration_cast<Duration>(wait);
}

Duration CallPaces::Add(std::string_view peer) {
  const SteadyTime now = clock_.steady();
  const MutexLock lock(mutex_);
  auto pace = paces_.find(peer);
  if (pace == paces_.end()) pace = paces_.try_emplace(std::string(peer)).first;
  return pace->second.Add(now);
}

}  // namespace batuta::app
