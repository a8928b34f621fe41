#include "daemon/transfer/connection_governor.h"

#include <algorithm>

namespace batuta::transfer {
namespace {

constexpr std::chrono::milliseconds kFirstMeasure{80};
constexpr std::chrono::milliseconds kMeasure{400};
constexpr std::chrono::seconds kHold{10};

// A connection that brings so much is not what holds the transfer up.
constexpr double kFastBytesPerSecond = 64e6;

// More connections are kept when they bring so much more.
constexpr double kGainThatPays = 1.15;

// So much less than usual, for so many measures, is a collapse.
constexpr double kCollapsed = 0.5;
constexpr int kSlowRates = 7;

}  // namespace

void ConnectionGovernor::Observe(SteadyTime now, const Reading& reading) {
  if (!is_measuring_) {
    // The first bytes only start the clock: how long they were on the way is not known.
    if (reading.received_bytes > 0) BeginMeasure(now);
    return;
  }
  measured_bytes_ += reading.received_bytes;
  const Duration span = now - measured_from_;
  if (span < (phase_ == Phase::kUnknown ? Duration(kFirstMeasure) : Duration(kMeasure))) return;
  const double rate = static_cast<double>(measured_bytes_) / std::chrono::duration<double>(span).count();
  BeginMeasure(now);
  OnRate(now, rate, reading);
}

void ConnectionGovernor::BeginMeasure(SteadyTime now) {
  is_measuring_ = true;
  measured_from_ = now;
  measured_bytes_ = 0;
}

void ConnectionGovernor::OnRate(SteadyTime now, double rate, const Reading& reading) {
  switch (phase_) {
    case Phase::kUnknown:
      usual_rate_ = rate;
      if (rate / std::max(reading.open, 1) < kFastBytesPerSecond) spare_ = limits_.most;
      Hold(now);
      break;
    case Phase::kTrying:
      usual_rate_ = rate;
      if (rate < rate_before_ * kGainThatPays) {
        spare_ = spare_before_;
        Hold(now);
      } else if (reading.wants_more && spare_ < limits_.most) {
        rate_before_ = rate;
        Try(now);
      } else {
        Hold(now);
      }
      break;
    case Phase::kHolding:
      WatchForCollapse(now, rate);
      if (now < held_until_ || !reading.wants_more || spare_ >= limits_.most) break;
      rate_before_ = usual_rate_;
      Try(now);
      break;
  }
}

void ConnectionGovernor::Try(SteadyTime now) {
  phase_ = Phase::kTrying;
  spare_before_ = spare_;
  spare_ = std::min(std::max(2 * spare_, 1), limits_.most);
  // What the new ones need to get going is not held against them.
  measured_from_ = now;
}

void ConnectionGovernor::Hold(SteadyTime now) {
  phase_ = Phase::kHolding;
  held_until_ = now + kHold;
  slow_rates_ = 0;
}

void ConnectionGovernor::WatchForCollapse(SteadyTime now, double rate) {
  if (rate >= usual_rate_ * kCollapsed) {
    slow_rates_ = 0;
    usual_rate_ += (rate - usual_rate_) / 4;
    return;
  }
  if (++slow_rates_ < kSlowRates) return;
  spare_ /= 2;
  usual_rate_ = rate;
  Hold(now);
}

}  // namespace batuta::transfer
