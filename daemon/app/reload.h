#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
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

// What holds now of the configuration. Thread-safe.
class ConfigInForce {
 public:
  explicit ConfigInForce(std::vector<service::ConfigEntry> entries) : entries_(std::move(entries)) {}

  std::vector<service::ConfigEntry> entries() const;

  // Takes over what may change in a running daemon, logs what does and what needs a restart, and returns the
  // keys whose values are new.
  std::vector<std::string> Reload(const std::vector<service::ConfigEntry>& read);

 private:
  mutable Mutex mutex_;
  std::vector<service::ConfigEntry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::app
