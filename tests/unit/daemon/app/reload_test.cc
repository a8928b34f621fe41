#include "daemon/app/reload.h"

#include <gmock/gmock.h>

namespace batuta::app {

namespace {

using service::ConfigEntry;
using testing::ElementsAre;
using testing::IsEmpty;

ConfigEntry Fixed(const char* key, const char* value, const char* origin = "file") {
  return {key, value, origin, "", false};
}

ConfigEntry Live(const char* key, const char* value, const char* origin = "file") {
  return {key, value, origin, "", true};
}

TEST(PlanReloadTest, NothingChanged) {
  const ReloadPlan plan = PlanReload({Fixed("a", "1"), Live("b", "2")}, {Fixed("a", "1"), Live("b", "2")});
  EXPECT_THAT(plan.applied, IsEmpty());
  EXPECT_THAT(plan.needs_restart, IsEmpty());
}

TEST(PlanReloadTest, WhatIsFixedAtStartKeepsItsValueAndIsNamed) {
  const ReloadPlan plan = PlanReload({Fixed("a", "1", "f:1"), Live("b", "2", "f:2")},
                                     {Fixed("a", "9", "f:7"), Live("b", "8", "f:8")});
  EXPECT_THAT(plan.applied, ElementsAre("b"));
  EXPECT_THAT(plan.needs_restart, ElementsAre("a"));
  EXPECT_EQ(plan.in_force[0].value, "1");
  EXPECT_EQ(plan.in_force[0].origin, "f:1");
  EXPECT_EQ(plan.in_force[1].value, "8");
  EXPECT_EQ(plan.in_force[1].origin, "f:8");
}

TEST(PlanReloadTest, SameValueFromElsewhereIsNoChangeButToldSo) {
  const ReloadPlan plan = PlanReload({Fixed("a", "1", "f:1")}, {Fixed("a", "1", "default")});
  EXPECT_THAT(plan.needs_restart, IsEmpty());
  EXPECT_EQ(plan.in_force[0].origin, "default");
}

}  // namespace

}  // namespace batuta::app
