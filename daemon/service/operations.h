#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "common/log/recent_events.h"
#include "common/types/check.h"
#include "daemon/metrics/daemon_metrics.h"
#include "daemon/metrics/registry.h"

namespace batuta::service {

// What an operator is told and may turn, beside what the domain knows.
struct Operations {
  using Checked = absl::AnyInvocable<void(std::vector<Check>)>;

  const metrics::Registry& registry;
  const metrics::DaemonMetrics& metrics;  // its families that are counted in
  const RecentEvents& warnings;           // of the log
  uint32_t catalog_schema = 0;
  std::string metrics_address = {};  // where metrics are served over HTTP; empty = nowhere

  // Looks at all that the daemon depends on; calls back from a thread of its own, or never when the daemon
  // stops first. Thread-safe.
  std::function<void(bool without_network, Checked done)> diagnose = {};
};

}  // namespace batuta::service
