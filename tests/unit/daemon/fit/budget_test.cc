#include <gtest/gtest.h>

#include "daemon/fit/placement.h"
#include "tests/unit/daemon/fit/model_files.h"

namespace batuta::fit {
namespace {

Machine MachineOf(uint64_t memory, const std::vector<uint64_t>& own, const std::vector<uint64_t>& shared) {
  Machine machine;
  machine.memory = {memory, memory, ""};
  for (const uint64_t bytes : own) machine.devices.push_back({"card", "", "nvidia", bytes, bytes, false});
  for (const uint64_t bytes : shared) machine.devices.push_back({"chip", "", "amd", bytes, bytes, true});
  return machine;
}

TEST(BudgetTest, KeepsAGibibyteOfEachGpuAndATwentiethOfMemoryFree) {
  const Budget small = BudgetOf(MachineOf(8 * kGiB, {12 * kGiB, kGiB / 2}, {}));
  EXPECT_EQ(small.memory_bytes, 7 * kGiB);
  EXPECT_EQ(small.device_bytes, (std::vector<uint64_t>{11 * kGiB, 0}));
  EXPECT_EQ(small.total_bytes(), 18 * kGiB);

  const Budget large = BudgetOf(MachineOf(200 * kGiB, {}, {}));
  EXPECT_EQ(large.memory_bytes, 190 * kGiB);
  EXPECT_EQ(large.total_bytes(), 190 * kGiB);
}

TEST(BudgetTest, CountsMemoryThatIsSharedOnce) {
  const Budget budget = BudgetOf(MachineOf(64 * kGiB, {}, {100 * kGiB}));
  EXPECT_TRUE(budget.is_shared);
  EXPECT_EQ(budget.device_bytes[0], budget.memory_bytes);
  EXPECT_EQ(budget.total_bytes(), budget.memory_bytes);
}

TEST(BudgetTest, LeavesAChipThatSharesMemoryOutBesideARealCard) {
  const Budget budget = BudgetOf(MachineOf(64 * kGiB, {24 * kGiB}, {32 * kGiB}));
  EXPECT_FALSE(budget.is_shared);
  EXPECT_EQ(budget.device_bytes, (std::vector<uint64_t>{23 * kGiB, 0}));
}

TEST(BudgetTest, OfServersIsNineTenthsOfAGpu) {
  const Budget budget = ServerBudgetOf(MachineOf(64 * kGiB, {80 * kGiB}, {}));
  EXPECT_EQ(budget.device_bytes[0], 71 * kGiB);
}

TEST(BudgetTest, OfNothingIsNothing) {
  EXPECT_EQ(BudgetOf({}).total_bytes(), 0U);
}

}  // namespace
}  // namespace batuta::fit
