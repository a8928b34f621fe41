#include "daemon/app/status_line.h"

#include <utility>

#include <fmt/format.h>

#include "common/time/clock.h"

namespace batuta::app {

std::string StatusLine(const jobs::Activity& activity) {
  std::string waiting = "waiting";
  if (!activity.waiting_reason.empty()) {
    const std::string until =
        activity.waiting_until ? fmt::format(", until {}", FormatRfc3339(*activity.waiting_until)) : "";
    waiting += fmt::format(" ({}{})", activity.waiting_reason, until);
  }
  std::string line;
  const std::pair<size_t, std::string_view> parts[] = {{activity.running, "running"},
                                                       {activity.waiting, waiting},
                                                       {activity.queued, "queued"},
                                                       {activity.paused, "paused"}};
  for (const auto& [count, what] : parts) {
    if (count > 0) line += fmt::format("{}{} {}", line.empty() ? "jobs: " : ", ", count, what);
  }
  return line.empty() ? "no jobs" : line;
}

}  // namespace batuta::app
