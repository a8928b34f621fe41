#pragma once

#include "common/sync/mutex.h"
#include "common/time/clock.h"

namespace batuta {

// FakeClock moves when told. It starts at 2026-11-02T08:15:30Z. Thread-safe.
class FakeClock final : public Clock {
 public:
  FakeClock();

  SteadyTime steady() const override;
  WallTime wall() const override;

  // Both times go on by `duration` (≥ 0).
  void Advance(Duration duration);

  // The wall clock jumps, as when somebody sets it; the steady one does not notice.
  void SetWall(WallTime time);

 private:
  mutable Mutex mutex_;
  SteadyTime steady_ ABSL_GUARDED_BY(mutex_);
  WallTime wall_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta
