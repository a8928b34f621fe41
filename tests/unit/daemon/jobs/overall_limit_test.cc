#include "daemon/jobs/overall_limit.h"

#include <memory>

#include <gmock/gmock.h>

#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::jobs {
namespace {

class OverallLimitTest : public ::testing::Test {
 protected:
  std::unique_ptr<OverallLimit> Load(uint64_t configured) {
    absl::StatusOr<std::unique_ptr<OverallLimit>> limit = OverallLimit::Load(configured, store_, disk_);
    EXPECT_THAT(limit, IsOk());
    return *std::move(limit);
  }

  metadata::FakeMetadataStore store_;
  ManualTaskRunner core_;
  ManualWorkerPool disk_{core_};
};

TEST_F(OverallLimitTest, IsWhatIsConfiguredUntilOneIsSet) {
  const auto limit = Load(1'000);
  EXPECT_EQ(limit->bytes_per_second(), 1'000u);
  limit->Set(500);
  EXPECT_EQ(limit->bytes_per_second(), 500u);
  EXPECT_EQ(limit->configured(), 1'000u);
  EXPECT_EQ(limit->limit()->bytes_per_second(), 500u) << "what the transfers obey";
}

TEST_F(OverallLimitTest, WhatWasSetOutlivesTheDaemonAndAChangedConfiguration) {
  Load(1'000)->Set(0);
  core_.RunUntilIdle();
  EXPECT_EQ(Load(2'000)->bytes_per_second(), 0u) << "no limit was set, which is something else than nothing";

  Load(2'000)->Set(std::nullopt);
  core_.RunUntilIdle();
  EXPECT_EQ(Load(3'000)->bytes_per_second(), 3'000u);
}

TEST_F(OverallLimitTest, ChangedConfigurationHoldsUnlessALimitWasSet) {
  const auto limit = Load(1'000);
  limit->Configure(2'000);
  EXPECT_EQ(limit->limit()->bytes_per_second(), 2'000u);

  limit->Set(500);
  limit->Configure(3'000);
  EXPECT_EQ(limit->configured(), 3'000u);
  EXPECT_EQ(limit->limit()->bytes_per_second(), 500u);
  limit->Set(std::nullopt);
  EXPECT_EQ(limit->limit()->bytes_per_second(), 3'000u);

  limit->Set(700);
  core_.RunUntilIdle();
  const auto next = Load(3'000);
  next->Configure(4'000);
  EXPECT_EQ(next->limit()->bytes_per_second(), 700u) << "also when it was set before the start";
}

TEST_F(OverallLimitTest, WhatIsNoLimitInTheCatalogIsDamage) {
  ASSERT_THAT(
      metadata::Put(store_, metadata::Table::kMeta, "overall_limit", "fast", metadata::Durability::kProcess),
      IsOk());
  EXPECT_THAT(OverallLimit::Load(0, store_, disk_), HasReason(reason::kCatalogDamaged));
}

}  // namespace
}  // namespace batuta::jobs
