#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "common/time/clock.h"

namespace batuta::jobs {

// RateMeter tells how fast bytes moved over the last seconds.
class RateMeter {
 public:
  void Add(SteadyTime now, uint64_t bytes) {
    total_ += bytes;
    if (!samples_.empty() && now - samples_.back().at < kSampleEvery) return;
    samples_.push_back({now, total_});
    while (samples_.size() > 2 && now - samples_[1].at > kWindow) samples_.pop_front();
  }

  void Clear() { samples_.clear(); }

  uint64_t BytesPerSecond(SteadyTime now) const {
    if (samples_.empty()) return 0;
    const auto span =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - samples_.front().at).count();
    return span > 0 ? (total_ - samples_.front().bytes) * 1'000 / static_cast<uint64_t>(span) : 0;
  }

 private:
  // The speed shown is the mean over this long.
  static constexpr std::chrono::seconds kWindow{3};
  static constexpr std::chrono::milliseconds kSampleEvery{200};

  struct Sample {
    SteadyTime at;
    uint64_t bytes;
  };

  std::deque<Sample> samples_;  // oldest first
  uint64_t total_ = 0;
};

}  // namespace batuta::jobs
