#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "common/log/log.h"
#include "common/sync/mutex.h"
#include "common/time/clock.h"

namespace batuta {

// One line of the log.
struct LogEvent {
  WallTime time;
  LogLevel level = LogLevel::kWarn;
  std::string message;
  std::string fields;  // "key=value key=value", escaped as in the log
};

// RecentEvents keeps the last events that it is given, of each no more than kMostFieldBytes of fields, and
// counts all of them. Thread-safe.
class RecentEvents {
 public:
  static constexpr size_t kMostFieldBytes = 1'024;

  explicit RecentEvents(size_t most) : most_(most) {}

  void Add(LogEvent event);

  // The newest first.
  std::vector<LogEvent> Newest() const;

  // How many of that level have come, those that are forgotten included.
  uint64_t Count(LogLevel level) const;

 private:
  const size_t most_;
  mutable Mutex mutex_;
  std::deque<LogEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> counts_ ABSL_GUARDED_BY(mutex_);  // by level
};

}  // namespace batuta
