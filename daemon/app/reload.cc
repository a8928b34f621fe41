#include "daemon/app/reload.h"

#include <cstddef>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/log/log.h"

namespace batuta::app {

ReloadPlan PlanReload(const std::vector<service::ConfigEntry>& in_force,
                      const std::vector<service::ConfigEntry>& read) {
  ReloadPlan plan;
  for (size_t i = 0; i < in_force.size(); ++i) {
    const bool is_same = in_force[i].value == read[i].value;
    plan.in_force.push_back(is_same || read[i].applies_at_once ? read[i] : in_force[i]);
    if (is_same) continue;
    (read[i].applies_at_once ? plan.applied : plan.needs_restart).push_back(read[i].key);
  }
  return plan;
}

std::vector<service::ConfigEntry> ConfigInForce::entries() const {
  const MutexLock lock(mutex_);
  return entries_;
}

std::vector<std::string> ConfigInForce::Reload(const std::vector<service::ConfigEntry>& read) {
  ReloadPlan plan = PlanReload(entries(), read);
  {
    const MutexLock lock(mutex_);
    entries_ = std::move(plan.in_force);
  }
  for (const std::string& key : plan.needs_restart) LogWarn("setting needs a restart", Field("key", key));
  LogInfo("configuration reloaded", Field("applied", fmt::format("{}", fmt::join(plan.applied, ","))));
  return std::move(plan.applied);
}

}  // namespace batuta::app
