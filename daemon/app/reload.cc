#include "daemon/app/reload.h"

#include <cstddef>

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

}  // namespace batuta::app
