#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace batuta {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
using Duration = std::chrono::nanoseconds;

// Clock tells both times. Durations and deadlines use steady(); what people or other machines see uses
// wall(), which may jump. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady() const = 0;
  virtual WallTime wall() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }

  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

// RFC 3339 in UTC with milliseconds: `2026-11-02T08:15:30.250Z`.
std::string FormatRfc3339(WallTime time);

int64_t ToUnixMillis(WallTime time);
WallTime FromUnixMillis(int64_t millis);

}  // namespace batuta
