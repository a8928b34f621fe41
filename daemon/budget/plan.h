#pragma once

#include <optional>
#include <string_view>

#include "daemon/budget/budgeted_transport.h"

namespace batuta::budget {

// What the hub grants the tokens of a plan in 300 s, as published in September 2025: "free", "pro", "team",
// "academia", "enterprise", "enterprise-plus", "enterprise-plus-high" (with its higher limits enabled).
// nullopt for other names. Only what a window begins with: the hub's own word wins. Pure.
std::optional<Quotas> QuotasOfPlan(std::string_view name);

// The names, for messages.
inline constexpr std::string_view kPlanNames =
    "free, pro, team, academia, enterprise, enterprise-plus or enterprise-plus-high";

}  // namespace batuta::budget
