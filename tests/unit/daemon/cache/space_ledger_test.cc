#include "daemon/cache/space_ledger.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kCapacity = 1'000'000;
constexpr uint64_t kSpare = 100'000;

class SpaceLedgerTest : public ::testing::Test {
 protected:
  SpaceLedgerTest() {
    files_.SetCapacity(kCapacity);
    cache_ = std::move(Cache::Open({"/hub", "boot-1"}, files_, store_)).value();
    most_ = cache_->Space()->free_bytes - kSpare;
  }

  absl::StatusOr<SpaceLedger::Reservation> Reserve(uint64_t bytes) { return ledger_.Reserve(*cache_, bytes); }

  FakeFileSystem files_;
  metadata::FakeMetadataStore store_;
  std::unique_ptr<Cache> cache_;
  SpaceLedger ledger_{kSpare};
  uint64_t most_ = 0;
};

TEST_F(SpaceLedgerTest, PromisesAllButTheSpareBytes) {
  EXPECT_THAT(Reserve(most_ + 1), HasReason(reason::kDiskFull));
  EXPECT_THAT(Reserve(most_), IsOk());
}

TEST_F(SpaceLedgerTest, WhatIsLeftFreeMayChange) {
  ledger_.SetSpare(kSpare + 1'000);
  EXPECT_THAT(Reserve(most_), HasReason(reason::kDiskFull));
  ledger_.SetSpare(0);
  EXPECT_THAT(Reserve(most_ + kSpare), IsOk());
}

TEST_F(SpaceLedgerTest, WhatIsPromisedToOneIsNotPromisedToAnother) {
  ASSERT_OK_AND_ASSIGN(const SpaceLedger::Reservation first, Reserve(most_ - 1'000));
  EXPECT_THAT(Reserve(1'000), IsOk());
  const auto refused = Reserve(1'001);
  EXPECT_THAT(refused, HasReason(reason::kDiskFull));
  EXPECT_THAT(MessageOf(refused.status()), HasSubstr("promised to other pulls"));
}

TEST_F(SpaceLedgerTest, AReservationThatEndsIsFreeAgain) {
  { ASSERT_THAT(Reserve(most_), IsOk()); }
  EXPECT_THAT(Reserve(most_), IsOk());
}

TEST_F(SpaceLedgerTest, WhatIsWrittenIsCountedByTheDiskAndNoLongerHere) {
  ASSERT_OK_AND_ASSIGN(SpaceLedger::Reservation first, Reserve(most_));
  files_.Put("/hub/written", std::string(300'000, 'x'));
  first.Use(300'000);
  EXPECT_EQ(first.bytes(), most_ - 300'000);
  EXPECT_THAT(Reserve(1), HasReason(reason::kDiskFull));
  first.Use(1'000);
  EXPECT_THAT(Reserve(1'000), IsOk());
  first.Use(2 * kCapacity);
  EXPECT_EQ(first.bytes(), 0u);
}

TEST_F(SpaceLedgerTest, AMovedReservationIsGivenBackOnce) {
  ASSERT_OK_AND_ASSIGN(SpaceLedger::Reservation first, Reserve(most_));
  {
    SpaceLedger::Reservation second = std::move(first);
    first = std::move(second);
  }
  EXPECT_THAT(Reserve(1), HasReason(reason::kDiskFull));
  first = {};
  EXPECT_THAT(Reserve(most_), IsOk());
}

TEST_F(SpaceLedgerTest, AReservationMayOutliveTheLedger) {
  SpaceLedger::Reservation kept;
  {
    SpaceLedger ledger(0);
    ASSERT_OK_AND_ASSIGN(kept, ledger.Reserve(*cache_, 10));
  }
  kept.Use(5);
  EXPECT_EQ(kept.bytes(), 5u);
}

}  // namespace
}  // namespace batuta::cache
