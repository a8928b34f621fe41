// What every MetadataStore promises, asked of the real one and of the fake.
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/metadata/metadata_store.h"
#include "daemon/metadata/rocksdb_store.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::metadata {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

using Rows = std::vector<std::pair<std::string, std::string>>;

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<MetadataStore>(const TempFolder&)> make;
};

std::unique_ptr<MetadataStore> MakeFake(const TempFolder&) {
  return std::make_unique<FakeMetadataStore>();
}

std::unique_ptr<MetadataStore> MakeReal(const TempFolder& folder) {
  OpenReport report;
  auto store = OpenRocksDbStore(folder / "catalog", &report);
  EXPECT_THAT(store, IsOk());
  return store.ok() ? *std::move(store) : nullptr;
}

class MetadataStoreContract : public ::testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override { ASSERT_NE(store_, nullptr); }

  Rows Scan(Table table, std::string_view prefix) {
    Rows rows;
    EXPECT_THAT(store_->Scan(table, prefix,
                             [&](std::string_view key, std::string_view value) {
                               rows.emplace_back(key, value);
                               return true;
                             }),
                IsOk());
    return rows;
  }

  void Write(Table table, std::string_view key, std::string_view value) {
    ASSERT_THAT(Put(*store_, table, key, value, Durability::kProcess), IsOk());
  }

  TempFolder folder_;
  std::unique_ptr<MetadataStore> store_ = GetParam().make(folder_);
};

TEST_P(MetadataStoreContract, AnswersNothingForAKeyNeverWritten) {
  EXPECT_THAT(store_->Get(Table::kJobs, "a"), IsOkAndHolds(std::nullopt));
}

TEST_P(MetadataStoreContract, GivesBackWhatWasPutLast) {
  Write(Table::kJobs, "a", "1");
  Write(Table::kJobs, "a", "2");
  EXPECT_THAT(store_->Get(Table::kJobs, "a"), IsOkAndHolds(Optional(std::string("2"))));
}

TEST_P(MetadataStoreContract, ForgetsWhatWasDeleted) {
  Write(Table::kJobs, "a", "1");
  ASSERT_THAT(Delete(*store_, Table::kJobs, "a", Durability::kPower), IsOk());
  EXPECT_THAT(store_->Get(Table::kJobs, "a"), IsOkAndHolds(std::nullopt));
}

TEST_P(MetadataStoreContract, DeletingWhatIsNotThereIsFine) {
  EXPECT_THAT(Delete(*store_, Table::kJobs, "a", Durability::kProcess), IsOk());
}

TEST_P(MetadataStoreContract, KeepsTablesApart) {
  Write(Table::kJobs, "a", "job");
  Write(Table::kPartials, "a", "partial");
  ASSERT_THAT(Delete(*store_, Table::kJobs, "a", Durability::kProcess), IsOk());
  EXPECT_THAT(store_->Get(Table::kPartials, "a"), IsOkAndHolds(Optional(std::string("partial"))));
  EXPECT_THAT(Scan(Table::kJobs, ""), IsEmpty());
}

TEST_P(MetadataStoreContract, EveryTableIsApartFromEveryOther) {
  std::vector<Table> tables;
  for (int i = 0; ToString(static_cast<Table>(i)) != "unknown"; ++i) tables.push_back(static_cast<Table>(i));
  EXPECT_GE(tables.size(), 12U);
  for (const Table table : tables) Write(table, "a", ToString(table));
  for (const Table table : tables) {
    EXPECT_THAT(Scan(table, "a"), ElementsAre(Pair("a", std::string(ToString(table)))));
  }
}

TEST_P(MetadataStoreContract, TakesAnyBytesAsKeyAndValue) {
  const std::string key("\0\xff/\n", 4);
  const std::string value("\xff\0", 2);
  Write(Table::kVerdicts, key, value);
  Write(Table::kVerdicts, "", "the empty key");
  EXPECT_THAT(store_->Get(Table::kVerdicts, key), IsOkAndHolds(Optional(value)));
  EXPECT_THAT(Scan(Table::kVerdicts, ""), ElementsAre(Pair("", "the empty key"), Pair(key, value)));
}

TEST_P(MetadataStoreContract, KeepsAnEmptyValueApartFromNothing) {
  Write(Table::kJobs, "a", "");
  EXPECT_THAT(store_->Get(Table::kJobs, "a"), IsOkAndHolds(Optional(std::string())));
}

TEST_P(MetadataStoreContract, AppliesABatchInItsOrder) {
  WriteBatch batch;
  batch.Put(Table::kJobs, "a", "1");
  batch.Delete(Table::kJobs, "a");
  batch.Put(Table::kJobs, "b", "1");
  batch.Put(Table::kJobs, "b", "2");
  ASSERT_THAT(store_->Write(batch, Durability::kProcess), IsOk());
  EXPECT_THAT(Scan(Table::kJobs, ""), ElementsAre(Pair("b", "2")));
}

TEST_P(MetadataStoreContract, AcceptsAnEmptyBatchOfEitherDurability) {
  EXPECT_THAT(store_->Write({}, Durability::kProcess), IsOk());
  EXPECT_THAT(store_->Write({}, Durability::kPower), IsOk());
}

TEST_P(MetadataStoreContract, ScansInByteOrderAndOnlyThePrefix) {
  for (const char* const key : {"b", "a/2", "a/10", "a", "a/\xc3\xa9", "a0"})
    Write(Table::kSelections, key, key);
  EXPECT_THAT(Scan(Table::kSelections, "a/"),
              ElementsAre(Pair("a/10", "a/10"), Pair("a/2", "a/2"), Pair("a/\xc3\xa9", "a/\xc3\xa9")));
}

TEST_P(MetadataStoreContract, ScanStopsWhenToldTo) {
  for (const char* const key : {"a", "b", "c"}) Write(Table::kJobs, key, key);
  std::vector<std::string> seen;
  ASSERT_THAT(store_->Scan(Table::kJobs, "",
                           [&](std::string_view key, std::string_view) {
                             seen.emplace_back(key);
                             return key != "b";
                           }),
              IsOk());
  EXPECT_THAT(seen, ElementsAre("a", "b"));
}

TEST_P(MetadataStoreContract, AScanDoesNotSeeTheWritesThatItsVisitorMakes) {
  for (const char* const key : {"a", "c"}) Write(Table::kJobs, key, "old");
  Rows seen;
  ASSERT_THAT(store_->Scan(Table::kJobs, "",
                           [&](std::string_view key, std::string_view value) {
                             seen.emplace_back(key, value);
                             Write(Table::kJobs, "b", "new");
                             Write(Table::kJobs, "c", "new");
                             return true;
                           }),
              IsOk());
  EXPECT_THAT(seen, ElementsAre(Pair("a", "old"), Pair("c", "old")));
  EXPECT_THAT(Scan(Table::kJobs, "c"), ElementsAre(Pair("c", "new")));
}

TEST_P(MetadataStoreContract, TakesKeysAndValuesUpToTheLimits) {
  const std::string key(4 << 10, 'k');
  const std::string value(16 << 20, 'v');
  Write(Table::kJobs, key, value);
  EXPECT_THAT(store_->Get(Table::kJobs, key), IsOkAndHolds(Optional(value)));
}

TEST_P(MetadataStoreContract, RefusesWhatIsBeyondTheLimitsAndWritesNothingOfTheBatch) {
  for (const auto& [key_size, value_size] : {std::pair((4 << 10) + 1, 1), std::pair(1, (16 << 20) + 1)}) {
    WriteBatch batch;
    batch.Put(Table::kJobs, "small", "1");
    batch.Put(Table::kJobs, std::string(static_cast<size_t>(key_size), 'k'),
              std::string(static_cast<size_t>(value_size), 'v'));
    const absl::Status status = store_->Write(batch, Durability::kProcess);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(status, HasReason("INVALID_ARGUMENT"));
    EXPECT_THAT(Scan(Table::kJobs, ""), IsEmpty());
  }
}

TEST_P(MetadataStoreContract, MayBeUsedFromManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        EXPECT_THAT(Put(*store_, Table::kJobs, key, key, Durability::kProcess), IsOk());
        EXPECT_THAT(store_->Get(Table::kJobs, key), IsOkAndHolds(Optional(key)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Scan(Table::kJobs, "").size(), 200U);
}

INSTANTIATE_TEST_SUITE_P(Stores, MetadataStoreContract,
                         ::testing::Values(Implementation{"Fake", MakeFake},
                                           Implementation{"RocksDb", MakeReal}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace batuta::metadata
