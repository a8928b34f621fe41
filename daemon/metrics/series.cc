#include "daemon/metrics/series.h"

#include <algorithm>
#include <cmath>

namespace batuta::metrics {

void Histogram::Observe(double value) {
  const auto bound = std::isnan(value) ? bounds_.end() : std::ranges::lower_bound(bounds_, value);
  counts_[static_cast<size_t>(bound - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  if (std::isfinite(value)) sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Reading Histogram::Read() const {
  Reading reading;
  uint64_t all = 0;
  for (const std::atomic<uint64_t>& count : counts_) {
    reading.buckets.push_back(all += count.load(std::memory_order_relaxed));
  }
  reading.sum = sum_.load(std::memory_order_relaxed);
  return reading;
}

}  // namespace batuta::metrics
