#include "daemon/transfer/bandwidth.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace batuta::transfer {
namespace {

// Nobody sleeps longer without a look at whether the limit still is what it was.
constexpr Duration kLongestSleep = std::chrono::milliseconds(200);

// 0 stands for no limit.
bool IsMoreGenerous(uint64_t left, uint64_t right) {
  return right != 0 && (left == 0 || left > right);
}

}  // namespace

void BandwidthLimit::Set(uint64_t bytes_per_second) {
  const MutexLock lock(mutex_);
  if (bucket_.bytes_per_second() == bytes_per_second) return;
  bucket_.SetRate(bytes_per_second);
  bytes_per_second_.store(bytes_per_second, std::memory_order_relaxed);
  changes_.fetch_add(1, std::memory_order_release);
}

SteadyTime BandwidthLimit::Promise(uint64_t bytes, SteadyTime now) {
  const MutexLock lock(mutex_);
  return bucket_.Promise(bytes, now);
}

void BandwidthGate::SetLimits(std::vector<std::shared_ptr<BandwidthLimit>> limits) {
  const MutexLock lock(mutex_);
  if (limits == limits_) return;
  // A change counts more than all that the limits may have counted: no sum comes twice.
  for (const std::shared_ptr<BandwidthLimit>& limit : limits_) changes_ += limit ? limit->changes() : 0;
  ++changes_;
  limits_ = std::move(limits);
}

BandwidthGate::Standing BandwidthGate::Look() const {
  Standing standing;
  uint64_t own_rate = 0;
  {
    const MutexLock lock(mutex_);
    standing.change = changes_;
    bool is_first = true;
    for (const std::shared_ptr<BandwidthLimit>& limit : limits_) {
      standing.change += limit ? limit->changes() : 0;
      const uint64_t rate = limit ? limit->bytes_per_second() : 0;
      if (!is_first && !IsMoreGenerous(rate, own_rate)) continue;
      is_first = false;
      standing.own = limit;
      own_rate = rate;
    }
  }
  if (own_rate == 0) standing.own = nullptr;
  standing.bytes_per_second = own_rate;
  if (overall_ == nullptr) return standing;
  standing.change += overall_->changes();
  const uint64_t overall_rate = overall_->bytes_per_second();
  if (IsMoreGenerous(own_rate, overall_rate)) standing.bytes_per_second = overall_rate;
  return standing;
}

uint64_t BandwidthGate::Allow(Grant& grant, uint64_t wanted) {
  const Standing standing = Look();
  if (standing.bytes_per_second == 0) return wanted;
  const SteadyTime now = clock_.steady();
  if (grant.bytes == 0 || grant.change != standing.change) {
    grant.bytes = std::min(wanted, PieceAt(standing.bytes_per_second));
    grant.change = standing.change;
    grant.from = overall_ == nullptr ? now : overall_->Promise(grant.bytes, now);
    if (standing.own != nullptr) grant.from = std::max(grant.from, standing.own->Promise(grant.bytes, now));
  }
  return grant.from <= now ? std::min(wanted, grant.bytes) : 0;
}

void BandwidthGate::CallWhenOpen(const Grant& grant, Task task) {
  timer_.PostAfter(std::clamp<Duration>(grant.from - clock_.steady(), Duration::zero(), kLongestSleep),
                   std::move(task));
}

int BandwidthGate::useful_connections() const {
  return ConnectionsAt(Look().bytes_per_second);
}

}  // namespace batuta::transfer
