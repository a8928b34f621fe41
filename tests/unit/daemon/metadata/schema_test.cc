#include "daemon/metadata/schema.h"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::metadata {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

// Three versions of a made-up catalog: jobs were written as "a"; then as "job:a"; then moved to the verdicts.
absl::Status PrefixJobs(MetadataStore& store, WriteBatch* changes) {
  return store.Scan(Table::kJobs, "", [&](std::string_view key, std::string_view value) {
    changes->Put(Table::kJobs, std::string(key), "job:" + std::string(value));
    return true;
  });
}

absl::Status MoveJobs(MetadataStore& store, WriteBatch* changes) {
  return store.Scan(Table::kJobs, "", [&](std::string_view key, std::string_view value) {
    changes->Delete(Table::kJobs, std::string(key));
    changes->Put(Table::kVerdicts, std::string(key), std::string(value));
    return true;
  });
}

absl::Status Refuse(MetadataStore&, WriteBatch* changes) {
  changes->Put(Table::kJobs, "half", "done");
  return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed, "no");
}

const std::vector<Migration> kThree = {PrefixJobs, MoveJobs};

std::optional<std::string> Value(MetadataStore& store, Table table, std::string_view key) {
  const auto value = store.Get(table, key);
  EXPECT_THAT(value, IsOk());
  return value.ok() ? *value : std::nullopt;
}

class SchemaTest : public ::testing::Test {
 protected:
  void GivenAnOldStore() { ASSERT_THAT(Put(store_, Table::kJobs, "1", "a", Durability::kPower), IsOk()); }

  FakeMetadataStore store_;
};

TEST_F(SchemaTest, ANewStoreBeginsAtTheLatestVersionWithoutMigrating) {
  EXPECT_THAT(MigrateSchema(store_, kThree), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(SchemaVersionOf(store_), IsOkAndHolds(2U));
  store_.CutPower();
  EXPECT_THAT(SchemaVersionOf(store_), IsOkAndHolds(2U));
}

TEST_F(SchemaTest, AStoreThatSaysNoVersionGoesThroughAllSteps) {
  GivenAnOldStore();
  EXPECT_THAT(MigrateSchema(store_, kThree), IsOkAndHolds(Optional(0U)));
  EXPECT_EQ(Value(store_, Table::kVerdicts, "1"), "job:a");
  EXPECT_EQ(Value(store_, Table::kJobs, "1"), std::nullopt);
  EXPECT_THAT(SchemaVersionOf(store_), IsOkAndHolds(2U));
}

TEST_F(SchemaTest, AnOlderStoreGoesThroughTheStepsAfterItsVersionOnly) {
  GivenAnOldStore();
  ASSERT_THAT(MigrateSchema(store_, std::span(kThree).first(1)), IsOkAndHolds(Optional(0U)));
  EXPECT_EQ(Value(store_, Table::kJobs, "1"), "job:a");
  EXPECT_THAT(MigrateSchema(store_, kThree), IsOkAndHolds(Optional(1U)));
  EXPECT_EQ(Value(store_, Table::kVerdicts, "1"), "job:a");
}

TEST_F(SchemaTest, AStoreThatIsUpToDateIsNotWritten) {
  GivenAnOldStore();
  ASSERT_THAT(MigrateSchema(store_, kThree), IsOk());
  const uint64_t writes = store_.writes(Durability::kPower);
  EXPECT_THAT(MigrateSchema(store_, kThree), IsOkAndHolds(std::nullopt));
  EXPECT_EQ(store_.writes(Durability::kPower), writes);
}

TEST_F(SchemaTest, ANewerStoreIsRefusedAndNotWritten) {
  GivenAnOldStore();
  ASSERT_THAT(MigrateSchema(store_, kThree), IsOk());
  const uint64_t writes = store_.writes(Durability::kPower);
  const auto status = MigrateSchema(store_, std::span(kThree).first(1));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(status, HasReason("CATALOG_NEWER"));
  EXPECT_EQ(store_.writes(Durability::kPower), writes);
}

TEST_F(SchemaTest, AFailedStepLeavesTheVersionBeforeItWhole) {
  GivenAnOldStore();
  const std::array<Migration, 3> steps = {PrefixJobs, Refuse, MoveJobs};
  const auto status = MigrateSchema(store_, steps);
  EXPECT_THAT(status, HasReason("STORAGE_FAILED"));
  EXPECT_THAT(status, HasMessage(HasSubstr("from schema version 1")));
  EXPECT_THAT(SchemaVersionOf(store_), IsOkAndHolds(1U));
  EXPECT_EQ(Value(store_, Table::kJobs, "1"), "job:a");
  EXPECT_EQ(Value(store_, Table::kJobs, "half"), std::nullopt);
}

TEST_F(SchemaTest, APowerCutAtAnyWriteLeavesAVersionThatTheNextRunFinishes) {
  for (uint64_t n = 1; n <= 2; ++n) {
    FakeMetadataStore store;
    ASSERT_THAT(Put(store, Table::kJobs, "1", "a", Durability::kPower), IsOk());
    bool is_down = false;
    store.FailWhile([&] { return is_down; });
    store.BeforeWrite(n, [&] { is_down = true; });
    ASSERT_THAT(MigrateSchema(store, kThree), HasReason("STORAGE_FAILED"));
    store.CutPower();
    is_down = false;
    EXPECT_THAT(MigrateSchema(store, kThree), IsOkAndHolds(Optional(n - 1)));
    EXPECT_EQ(Value(store, Table::kVerdicts, "1"), "job:a");
  }
}

TEST_F(SchemaTest, AnUnreadableVersionIsDamage) {
  for (const char* const bad : {"", "0", "-1", "1x", "99999999999999999999"}) {
    ASSERT_THAT(Put(store_, Table::kMeta, "schema_version", bad, Durability::kPower), IsOk());
    EXPECT_THAT(SchemaVersionOf(store_), HasReason("CATALOG_DAMAGED")) << bad;
    EXPECT_THAT(MigrateSchema(store_, kThree), HasReason("CATALOG_DAMAGED")) << bad;
  }
}

TEST_F(SchemaTest, TheRealStepsTakeAnUnversionedCatalogWithAllItHolds) {
  GivenAnOldStore();
  EXPECT_THAT(MigrateSchema(store_, SchemaMigrations()), IsOkAndHolds(Optional(0U)));
  EXPECT_EQ(Value(store_, Table::kJobs, "1"), "a");
  EXPECT_THAT(SchemaVersionOf(store_), IsOkAndHolds(1U));
}

}  // namespace
}  // namespace batuta::metadata
