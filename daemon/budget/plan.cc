#include "daemon/budget/plan.h"

#include <algorithm>
#include <utility>

namespace batuta::budget {

std::optional<Quotas> QuotasOfPlan(std::string_view name) {
  static constexpr std::pair<std::string_view, Quotas> kPlans[] = {
      {"free", {1'000, 5'000, 200}},
      {"pro", {2'500, 12'000, 400}},
      {"team", {3'000, 20'000, 400}},
      {"academia", {3'000, 20'000, 400}},
      {"enterprise", {6'000, 50'000, 600}},
      {"enterprise-plus", {10'000, 100'000, 1'000}},
      {"enterprise-plus-high", {100'000, 500'000, 10'000}},
  };
  const auto* const found = std::ranges::find(kPlans, name, [](const auto& plan) { return plan.first; });
  if (found == std::end(kPlans)) return std::nullopt;
  return found->second;
}

}  // namespace batuta::budget
