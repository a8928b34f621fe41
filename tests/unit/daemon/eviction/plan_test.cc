#include "daemon/eviction/plan.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::eviction {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr WallTime kNow = WallTime(hours(24 * 365 * 56));
constexpr uint64_t kAll = ~uint64_t{0};

// An inventory in which each selection is a snapshot of its own, unless said otherwise.
class World {
 public:
  uint32_t Add(std::string_view name, int days_ago, std::vector<uint32_t> blobs,
               std::vector<uint32_t> needs = {}) {
    inventory.snapshots.push_back({std::string(name), std::move(needs)});
    return AddTo(static_cast<uint32_t>(inventory.snapshots.size() - 1), days_ago, std::move(blobs));
  }

  uint32_t AddTo(uint32_t snapshot, int days_ago, std::vector<uint32_t> blobs) {
    inventory.selections.push_back(
        {.snapshot = snapshot, .blobs = std::move(blobs), .last_access = kNow - hours(24 * days_ago)});
    return static_cast<uint32_t>(inventory.selections.size() - 1);
  }

  uint32_t Blob(uint64_t bytes) {
    inventory.blob_bytes.push_back(bytes);
    return static_cast<uint32_t>(inventory.blob_bytes.size() - 1);
  }

  Plan Free(uint64_t bytes) const { return PlanEviction(inventory, {bytes, bytes}); }

  Inventory inventory;
};

std::vector<uint32_t> Evicted(const Plan& plan) {
  std::vector<uint32_t> evicted;
  for (const Decision& decision : plan.evicted) evicted.push_back(decision.selection);
  return evicted;
}

Reason KeptFor(const Plan& plan, uint32_t selection) {
  for (const Decision& decision : plan.kept) {
    if (decision.selection == selection) return decision.reason;
  }
  ADD_FAILURE() << selection << " is not kept";
  return Reason::kOldest;
}

TEST(PlanEvictionTest, TheLeastRecentlyUsedGoFirstAndOnlyAsManyAsAreWanted) {
  World world;
  const uint32_t young = world.Add("young", 1, {world.Blob(10)});
  const uint32_t oldest = world.Add("oldest", 9, {world.Blob(10)});
  const uint32_t old = world.Add("old", 5, {world.Blob(10)});

  const Plan plan = world.Free(15);

  EXPECT_THAT(Evicted(plan), ElementsAre(oldest, old));
  EXPECT_EQ(plan.freed_bytes, 20U);
  EXPECT_TRUE(plan.is_enough);
  EXPECT_EQ(KeptFor(plan, young), Reason::kRecent);
}

TEST(PlanEvictionTest, NothingWantedNothingGoes) {
  World world;
  world.Add("only", 9, {world.Blob(10)});

  EXPECT_THAT(world.Free(0).evicted, IsEmpty());
  EXPECT_TRUE(world.Free(0).is_enough);
}

TEST(PlanEvictionTest, PinnedLeasedAndOpenOnesStayWhateverIsWanted) {
  World world;
  const uint32_t pinned = world.Add("pinned", 9, {world.Blob(10)});
  const uint32_t leased = world.Add("leased", 9, {world.Blob(10)});
  const uint32_t open = world.Add("open", 9, {world.Blob(10)});
  world.inventory.selections[pinned].pin = "demo";
  world.inventory.selections[leased].leases = 1;
  world.inventory.selections[open].is_open = true;

  const Plan plan = world.Free(kAll);

  EXPECT_THAT(plan.evicted, IsEmpty());
  EXPECT_FALSE(plan.is_enough);
  EXPECT_EQ(KeptFor(plan, pinned), Reason::kPinned);
  EXPECT_EQ(KeptFor(plan, leased), Reason::kLeased);
  EXPECT_EQ(KeptFor(plan, open), Reason::kOpen);
}

TEST(PlanEvictionTest, ABaseStaysWhileAnythingNeedsItHoweverOldItIs) {
  World world;
  const uint32_t base = world.Add("base", 300, {world.Blob(100)});
  const uint32_t adapter = world.Add("adapter", 1, {world.Blob(1)}, {base});
  const uint32_t other = world.Add("other", 2, {world.Blob(10)});

  const Plan plan = world.Free(10);

  EXPECT_THAT(Evicted(plan), ElementsAre(other));
  EXPECT_EQ(KeptFor(plan, base), Reason::kNeeded);
  EXPECT_EQ(KeptFor(plan, adapter), Reason::kRecent);
  EXPECT_EQ(Explain(plan.kept.front(), world.inventory, kNow), "adapter needs it");
}

TEST(PlanEvictionTest, ABaseMayGoAfterTheLastModelThatNeedsIt) {
  World world;
  const uint32_t base = world.Add("base", 300, {world.Blob(100)});
  const uint32_t first = world.Add("first", 20, {world.Blob(1)}, {base});
  const uint32_t second = world.Add("second", 10, {world.Blob(1)}, {base});

  EXPECT_THAT(Evicted(world.Free(50)), ElementsAre(first, second, base));
}

TEST(PlanEvictionTest, ABaseOfARecentlyUsedAdapterCountsAsRecentlyUsed) {
  World world;
  const uint32_t base = world.Add("base", 300, {world.Blob(100)});
  const uint32_t adapter = world.Add("adapter", 1, {world.Blob(1)}, {base});
  const uint32_t other = world.Add("other", 2, {world.Blob(100)});

  const Plan plan = world.Free(kAll);

  EXPECT_THAT(Evicted(plan), ElementsAre(other, adapter, base));
  EXPECT_EQ(Explain(plan.evicted.back(), world.inventory, kNow),
            "least recently used: last used 300 d 0 h ago, counts as used with adapter");
}

TEST(PlanEvictionTest, ProtectionGoesThroughChains) {
  World world;
  const uint32_t root = world.Add("root", 300, {world.Blob(100)});
  const uint32_t middle = world.Add("middle", 200, {world.Blob(100)}, {root});
  const uint32_t tip = world.Add("tip", 1, {world.Blob(1)}, {middle});
  world.inventory.selections[tip].leases = 1;

  const Plan plan = world.Free(kAll);

  EXPECT_THAT(plan.evicted, IsEmpty());
  EXPECT_EQ(KeptFor(plan, root), Reason::kNeeded);
  EXPECT_EQ(KeptFor(plan, middle), Reason::kNeeded);
}

TEST(PlanEvictionTest, ACircleOfNeedsProtectsNobodyForEver) {
  World world;
  world.Add("first", 3, {world.Blob(10)}, {1, 0});
  world.Add("second", 2, {world.Blob(10)}, {0});

  EXPECT_EQ(world.Free(kAll).freed_bytes, 20U);
}

TEST(PlanEvictionTest, ASharedBlobIsFreedWithItsLastSelectionAndCountedOnce) {
  World world;
  const uint32_t shared = world.Blob(100);
  const uint32_t first = world.Add("first", 9, {shared, world.Blob(1)});
  const uint32_t second = world.Add("second", 5, {shared});

  const Plan plan = world.Free(50);

  EXPECT_THAT(Evicted(plan), ElementsAre(first, second));
  EXPECT_EQ(plan.evicted[0].freed_bytes, 1U);
  EXPECT_EQ(plan.evicted[1].freed_bytes, 100U);
  EXPECT_EQ(plan.freed_bytes, 101U);
}

TEST(PlanEvictionTest, WhatWouldFreeNothingIsSpared) {
  World world;
  const uint32_t shared = world.Blob(100);
  const uint32_t old = world.Add("old revision", 9, {shared});
  const uint32_t current = world.Add("current revision", 5, {shared});
  world.inventory.selections[current].pin = "";
  const uint32_t other = world.Add("other", 3, {world.Blob(10)});

  const Plan plan = world.Free(10);

  EXPECT_THAT(Evicted(plan), ElementsAre(other));
  EXPECT_EQ(KeptFor(plan, old), Reason::kFreesNothing);
}

TEST(PlanEvictionTest, SmallOnesAreSparedWhenALargeOneAloneIsEnough) {
  World world;
  const uint32_t small = world.Add("small", 9, {world.Blob(1)});
  const uint32_t large = world.Add("large", 5, {world.Blob(100)});

  const Plan plan = world.Free(100);

  EXPECT_THAT(Evicted(plan), ElementsAre(large));
  EXPECT_EQ(KeptFor(plan, small), Reason::kFreesNothing);
}

TEST(PlanEvictionTest, OneVariantGoesWhileAnotherOfTheSameSnapshotStays) {
  World world;
  const uint32_t config = world.Blob(1);
  const uint32_t used = world.Add("otter", 1, {config, world.Blob(50)});
  const uint32_t unused = world.AddTo(world.inventory.selections[used].snapshot, 9, {config, world.Blob(40)});

  const Plan plan = world.Free(10);

  EXPECT_THAT(Evicted(plan), ElementsAre(unused));
  EXPECT_EQ(plan.freed_bytes, 40U);
}

TEST(PlanEvictionTest, WhatCannotBeFreedIsSaid) {
  World world;
  world.Add("only", 9, {world.Blob(10)});

  const Plan plan = PlanEviction(world.inventory, {.must_bytes = 11, .wanted_bytes = 20});

  EXPECT_EQ(plan.freed_bytes, 10U);
  EXPECT_FALSE(plan.is_enough);
}

struct GoalRow {
  std::string name;
  Quota quota;
  Usage usage;
  Goal goal;
};

TEST(GoalForTest, KeepsQuotaAndFreeSpaceAndGoesDownToTheLowWater) {
  const Quota none;
  const Quota quota = {.max_bytes = 1'000, .min_free_bytes = 0, .high_percent = 90, .low_percent = 70};
  const Quota free_space = {.max_bytes = 0, .min_free_bytes = 100, .high_percent = 90, .low_percent = 70};
  const std::vector<GoalRow> table = {
      {"no limits, room", none, {500, 100, 100}, {0, 0}},
      {"no limits, no room", none, {500, 150, 100}, {50, 50}},
      {"below the high water", quota, {900, 0, 5'000}, {0, 0}},
      {"above the high water", quota, {950, 0, 5'000}, {0, 250}},
      {"above the quota", quota, {1'100, 0, 5'000}, {100, 400}},
      {"what comes in counts", quota, {850, 200, 5'000}, {50, 350}},
      {"what is written counts once", quota, {950, 100, 5'000}, {50, 350}},
      {"the free space decides", quota, {100, 50, 10}, {40, 40}},
      {"what is written is not free any more", quota, {140, 10, 10}, {0, 0}},
      {"free space to keep", free_space, {900, 80, 150}, {30, 30}},
      {"a huge quota does not overflow",
       {.max_bytes = kAll, .min_free_bytes = 0, .high_percent = 90, .low_percent = 70},
       {kAll / 2, 0, kAll},
       {0, 0}},
  };
  for (const GoalRow& row : table) {
    EXPECT_EQ(GoalFor(row.quota, row.usage), row.goal) << row.name;
  }
}

}  // namespace
}  // namespace batuta::eviction
