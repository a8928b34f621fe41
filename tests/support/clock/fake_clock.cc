#include "tests/support/clock/fake_clock.h"

namespace batuta {

FakeClock::FakeClock() : steady_(std::chrono::hours(1)), wall_(FromUnixMillis(1'793'607'330'000)) {}

SteadyTime FakeClock::steady() const {
  MutexLock lock(mutex_);
  return steady_;
}

WallTime FakeClock::wall() const {
  MutexLock lock(mutex_);
  return wall_;
}

void FakeClock::Advance(Duration duration) {
  MutexLock lock(mutex_);
  steady_ += duration;
  wall_ += duration;
}

void FakeClock::SetWall(WallTime time) {
  MutexLock lock(mutex_);
  wall_ = time;
}

}  // namespace batuta
