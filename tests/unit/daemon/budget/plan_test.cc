#include "daemon/budget/plan.h"

#include <gtest/gtest.h>

namespace batuta::budget {
namespace {

TEST(QuotasOfPlanTest, KnowsEveryPlanItNames) {
  const BudgetOptions defaults;
  ASSERT_TRUE(QuotasOfPlan("free").has_value());
  EXPECT_EQ(QuotasOfPlan("free")->api, defaults.authenticated.api);
  EXPECT_EQ(QuotasOfPlan("free")->resolvers, defaults.authenticated.resolvers);
  EXPECT_EQ(QuotasOfPlan("pro")->api, 2'500u);
  EXPECT_EQ(QuotasOfPlan("pro")->resolvers, 12'000u);
  EXPECT_EQ(QuotasOfPlan("enterprise-plus-high")->pages, 10'000u);
  for (const char* name : {"team", "academia", "enterprise", "enterprise-plus"}) {
    EXPECT_TRUE(QuotasOfPlan(name).has_value()) << name;
    EXPECT_NE(kPlanNames.find(name), std::string_view::npos) << name;
  }
  EXPECT_FALSE(QuotasOfPlan("gold").has_value());
  EXPECT_FALSE(QuotasOfPlan("").has_value());
}

}  // namespace
}  // namespace batuta::budget
