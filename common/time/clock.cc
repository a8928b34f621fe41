#include "common/time/clock.h"

#include <fmt/format.h>

namespace batuta {

std::string FormatRfc3339(WallTime time) {
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(millis);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<std::chrono::milliseconds> clock(millis - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

int64_t ToUnixMillis(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

WallTime FromUnixMillis(int64_t millis) {
  // The wall clock counts nanoseconds: about 292 years to either side fit. What lies outside is clamped, not
  // wrapped.
  constexpr int64_t kMaxMillis =
      std::chrono::duration_cast<std::chrono::milliseconds>(WallTime::duration::max()).count();
  if (millis > kMaxMillis) millis = kMaxMillis;
  if (millis < -kMaxMillis) millis = -kMaxMillis;
  return WallTime(std::chrono::milliseconds(millis));
}

}  // namespace batuta
