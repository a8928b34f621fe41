#include "tests/support/metadata/fake_metadata_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::metadata {
namespace {

using ::testing::Optional;

const absl::Status kDiskIsFull = MakeError(absl::StatusCode::kResourceExhausted, reason::kDiskFull, "full");

TEST(FakeMetadataStoreTest, APowerCutForgetsWhatCameAfterTheLastDurableWrite) {
  FakeMetadataStore store;
  ASSERT_THAT(Put(store, Table::kJobs, "a", "1", Durability::kProcess), IsOk());
  ASSERT_THAT(Put(store, Table::kJobs, "b", "1", Durability::kPower), IsOk());
  ASSERT_THAT(Put(store, Table::kJobs, "a", "2", Durability::kProcess), IsOk());
  ASSERT_THAT(Delete(store, Table::kJobs, "b", Durability::kProcess), IsOk());
  ASSERT_THAT(Put(store, Table::kJobs, "c", "2", Durability::kProcess), IsOk());

  store.CutPower();

  EXPECT_THAT(store.Get(Table::kJobs, "a"), IsOkAndHolds(Optional(std::string("1"))));
  EXPECT_THAT(store.Get(Table::kJobs, "b"), IsOkAndHolds(Optional(std::string("1"))));
  EXPECT_THAT(store.Get(Table::kJobs, "c"), IsOkAndHolds(std::nullopt));
}

TEST(FakeMetadataStoreTest, AnEmptyDurableBatchKeepsWhatWasWrittenBefore) {
  FakeMetadataStore store;
  ASSERT_THAT(Put(store, Table::kJobs, "a", "1", Durability::kProcess), IsOk());
  ASSERT_THAT(store.Write({}, Durability::kPower), IsOk());
  store.CutPower();
  EXPECT_THAT(store.Get(Table::kJobs, "a"), IsOkAndHolds(Optional(std::string("1"))));
}

TEST(FakeMetadataStoreTest, FailsAsOftenAsTold) {
  FakeMetadataStore store;
  store.FailWrites(kDiskIsFull, 2);
  store.FailReads(kDiskIsFull);

  EXPECT_THAT(Put(store, Table::kJobs, "a", "1", Durability::kPower), HasReason("DISK_FULL"));
  EXPECT_THAT(Put(store, Table::kJobs, "a", "1", Durability::kPower), HasReason("DISK_FULL"));
  EXPECT_THAT(store.Get(Table::kJobs, "a"), HasReason("DISK_FULL"));
  EXPECT_THAT(store.Get(Table::kJobs, "a"), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(Put(store, Table::kJobs, "a", "1", Durability::kPower), IsOk());
}

TEST(FakeMetadataStoreTest, GoesDownWithItsMachine) {
  FakeMetadataStore store;
  bool is_down = false;
  store.FailWhile([&] { return is_down; });
  store.BeforeWrite(2, [&] { is_down = true; });

  EXPECT_THAT(Put(store, Table::kJobs, "a", "1", Durability::kPower), IsOk());
  EXPECT_THAT(Put(store, Table::kJobs, "b", "1", Durability::kPower), HasReason("STORAGE_FAILED"));
  EXPECT_THAT(store.Get(Table::kJobs, "a"), HasReason("STORAGE_FAILED"));

  is_down = false;
  EXPECT_THAT(store.Get(Table::kJobs, "a"), IsOkAndHolds(Optional(std::string("1"))));
  EXPECT_THAT(store.Get(Table::kJobs, "b"), IsOkAndHolds(std::nullopt));
  EXPECT_EQ(store.writes(Durability::kPower), 1U);
}

}  // namespace
}  // namespace batuta::metadata
