#pragma once

#include <string>
#include <vector>

#include "daemon/service/service_context.h"

namespace batuta::app {

// What becomes of a configuration that was read while the daemon runs.
struct ReloadPlan {
  std::vector<std::string> applied;            // keys with another value than is in force
  std::vector<std::string> needs_restart;      // likewise, but they are fixed at start
  std::vector<service::ConfigEntry> in_force;  // afterwards: what needs a restart stands as it did
};

// `read` declares the same keys as `in_force`, in the same order. Pure.
ReloadPlan PlanReload(const std::vector<service::ConfigEntry>& in_force,
                      const std::vector<service::ConfigEntry>& read);

}  // namespace batuta::app
