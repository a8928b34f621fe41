#include "daemon/metadata/rocksdb_store.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/metadata/schema.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::metadata {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Name → size and time of the last change.
std::map<std::string, std::pair<uintmax_t, fs::file_time_type>> FilesOf(const fs::path& folder) {
  std::map<std::string, std::pair<uintmax_t, fs::file_time_type>> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    files[entry.path().filename()] = {entry.file_size(), entry.last_write_time()};
  }
  return files;
}

std::vector<fs::path> FilesWith(const fs::path& folder, std::string_view piece) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().native().find(piece) != std::string::npos) found.push_back(entry.path());
  }
  return found;
}

void Overwrite(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

class RocksDbStoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<MetadataStore>> Open() {
    report_ = {};
    return OpenRocksDbStore(catalog(), &report_);
  }

  // Opens, puts one record for good, closes.
  void GivenACatalog() {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_THAT(Put(*store, Table::kJobs, "1", "a", Durability::kPower), IsOk());
  }

  void GivenASchemaVersion(std::string_view version) {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_THAT(Put(*store, Table::kMeta, "schema_version", version, Durability::kPower), IsOk());
  }

  void ExpectSetAsideAndBegunAnew() {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    EXPECT_THAT(report_.notices,
                ElementsAre(AllOf(HasSubstr("damaged"), HasSubstr(catalog().native() + ".damaged-"))));
    EXPECT_THAT(store->Get(Table::kJobs, "1"), IsOkAndHolds(std::nullopt));
    EXPECT_THAT(Put(*store, Table::kJobs, "2", "b", Durability::kPower), IsOk());
    EXPECT_THAT(FilesWith(folder_ / "state", "catalog.damaged-"), SizeIs(1));
  }

  fs::path catalog() const { return folder_ / "state/catalog"; }

  TempFolder folder_;
  OpenReport report_;
};

TEST_F(RocksDbStoreTest, MakesItsFolderForItsOwnerOnly) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_THAT(report_.notices, IsEmpty());
  EXPECT_EQ(fs::status(catalog()).permissions(), fs::perms::owner_all);
}

TEST_F(RocksDbStoreTest, KeepsEverythingFromRunToRun) {
  GivenACatalog();
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_THAT(store->Get(Table::kJobs, "1"), IsOkAndHolds(Optional(std::string("a"))));
  EXPECT_THAT(report_.notices, IsEmpty());
}

TEST_F(RocksDbStoreTest, WhatWasWrittenSurvivesTheKillOfItsProcess) {
  // A new process, which runs this test from its beginning, in a folder of its own: a fork of one that has
  // had threads could wait for ever for a lock that one of them held.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ::setenv("BATUTA_TEST_CATALOG", catalog().c_str(), /*overwrite=*/0);
  const auto write_and_die = [this] {
    auto store = OpenRocksDbStore(::getenv("BATUTA_TEST_CATALOG"), &report_);
    const bool written = store.ok() && Put(**store, Table::kJobs, "1", "a", Durability::kProcess).ok();
    fs::remove_all(folder_.path());
    if (written) ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  };
  EXPECT_EXIT(write_and_die(), ::testing::KilledBySignal(SIGKILL), "");
  ::unsetenv("BATUTA_TEST_CATALOG");

  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_THAT(store->Get(Table::kJobs, "1"), IsOkAndHolds(Optional(std::string("a"))));
  EXPECT_THAT(report_.notices, IsEmpty());
}

TEST_F(RocksDbStoreTest, ATornTailOfTheLogLosesOnlyTheTail) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_THAT(Put(*store, Table::kJobs, "1", "a", Durability::kPower), IsOk());
    ASSERT_THAT(Put(*store, Table::kJobs, "2", "b", Durability::kProcess), IsOk());
  }
  const std::vector<fs::path> logs = FilesWith(catalog(), ".log");
  ASSERT_THAT(logs, SizeIs(1));
  fs::resize_file(logs[0], fs::file_size(logs[0]) - 3);

  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_THAT(report_.notices, IsEmpty());
  EXPECT_THAT(store->Get(Table::kJobs, "1"), IsOkAndHolds(Optional(std::string("a"))));
  EXPECT_THAT(store->Get(Table::kJobs, "2"), IsOkAndHolds(std::nullopt));
}

TEST_F(RocksDbStoreTest, ASecondOwnerIsTurnedAway) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  const auto second = Open();
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(second, HasReason("DAEMON_BUSY"));
  EXPECT_THAT(Put(*store, Table::kJobs, "1", "a", Durability::kPower), IsOk());
}

TEST_F(RocksDbStoreTest, ANewerCatalogIsRefusedAndLeftAsItIs) {
  GivenACatalog();
  GivenASchemaVersion("2");
  const auto before = FilesOf(catalog());

  const auto store = Open();

  EXPECT_THAT(store, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(store, HasReason("CATALOG_NEWER"));
  EXPECT_EQ(FilesOf(catalog()), before);
  EXPECT_THAT(FilesWith(folder_ / "state", "damaged"), IsEmpty());
}

// An upgrade to a made-up next version, and the way back to this one.
TEST_F(RocksDbStoreTest, AfterAnUpgradeThisVersionRefusesTheCatalogAndNothingIsLost) {
  GivenACatalog();
  std::vector<Migration> next(SchemaMigrations().begin(), SchemaMigrations().end());
  next.push_back([](MetadataStore& store, WriteBatch* changes) {
    return store.Scan(Table::kJobs, "", [&](std::string_view key, std::string_view value) {
      changes->Put(Table::kJobs, std::string(key), "next:" + std::string(value));
      return true;
    });
  });
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    EXPECT_THAT(MigrateSchema(*store, next), IsOkAndHolds(Optional(SchemaMigrations().size())));
    EXPECT_THAT(store->Get(Table::kJobs, "1"), IsOkAndHolds(Optional(std::string("next:a"))));
  }
  const auto before = FilesOf(catalog());

  const auto store = Open();

  EXPECT_THAT(store, HasReason("CATALOG_NEWER"));
  EXPECT_THAT(HintOf(store.status()), HasSubstr("start the newer batutad"));
  EXPECT_EQ(FilesOf(catalog()), before);
}

TEST_F(RocksDbStoreTest, AnUnversionedCatalogIsMigratedWithANotice) {
  GivenACatalog();
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_THAT(Delete(*store, Table::kMeta, "schema_version", Durability::kPower), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_THAT(report_.notices, ElementsAre(HasSubstr("from schema version 0 to 1")));
  EXPECT_THAT(store->Get(Table::kJobs, "1"), IsOkAndHolds(Optional(std::string("a"))));
}

TEST_F(RocksDbStoreTest, ACatalogWhosePointerIsGarbageIsSetAside) {
  GivenACatalog();
  Overwrite(catalog() / "CURRENT", "garbage");
  ExpectSetAsideAndBegunAnew();
}

TEST_F(RocksDbStoreTest, ACatalogWithoutItsManifestIsSetAside) {
  GivenACatalog();
  for (const fs::path& manifest : FilesWith(catalog(), "MANIFEST-")) fs::remove(manifest);
  ExpectSetAsideAndBegunAnew();
}

TEST_F(RocksDbStoreTest, ACatalogWithAGarbledManifestIsSetAside) {
  GivenACatalog();
  for (const fs::path& manifest : FilesWith(catalog(), "MANIFEST-"))
    Overwrite(manifest, std::string(4096, 'x'));
  ExpectSetAsideAndBegunAnew();
}

TEST_F(RocksDbStoreTest, ACatalogThatLostItsPointerIsSetAside) {
  GivenACatalog();
  fs::remove(catalog() / "CURRENT");
  ExpectSetAsideAndBegunAnew();
}

TEST_F(RocksDbStoreTest, ACatalogWithAnUnreadableVersionIsSetAside) {
  GivenACatalog();
  GivenASchemaVersion("banana");
  ExpectSetAsideAndBegunAnew();
}

TEST_F(RocksDbStoreTest, DamageFoundWhileInUseIsReportedAndSetAsideAtTheNextStart) {
  {
    // Enough to leave the write buffer for table files.
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    for (int i = 0; i < 64; ++i) {
      ASSERT_THAT(
          Put(*store, Table::kVerdicts, std::to_string(i), std::string(128 << 10, 'v'), Durability::kPower),
          IsOk());
    }
  }
  // In the middle: what is read at opening lies at the ends.
  const std::vector<fs::path> tables = FilesWith(catalog(), ".sst");
  ASSERT_THAT(tables, Not(IsEmpty()));
  for (const fs::path& table : tables) {
    std::fstream file(table, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(fs::file_size(table) / 2));
    file << std::string(1000, 'x');
  }
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    absl::Status status;
    for (int i = 0; status.ok() && i < 64; ++i) {
      status = store->Get(Table::kVerdicts, std::to_string(i)).status();
    }
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_THAT(status, HasReason("CATALOG_DAMAGED"));
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_THAT(report_.notices, ElementsAre(HasSubstr("damage was found while it was in use")));
  EXPECT_THAT(FilesWith(folder_ / "state", "catalog.damaged-"), SizeIs(1));
}

TEST_F(RocksDbStoreTest, TwoDamagedCatalogsOfOneSecondAreBothKept) {
  for (int i = 0; i < 2; ++i) {
    GivenACatalog();
    Overwrite(catalog() / "CURRENT", "garbage");
    ASSERT_THAT(Open(), IsOk());
  }
  EXPECT_THAT(FilesWith(folder_ / "state", "catalog.damaged-"), SizeIs(2));
}

TEST_F(RocksDbStoreTest, AFileInThePlaceOfTheFolderIsAClearError) {
  fs::create_directories(catalog().parent_path());
  Overwrite(catalog(), "not a folder");
  const auto store = Open();
  EXPECT_THAT(store, HasReason("STORAGE_FAILED"));
  EXPECT_THAT(store, HasMessage(HasSubstr(catalog().native())));
}

// A write that the disk refuses must not poison the store: writing goes on when the disk takes bytes again.
TEST_F(RocksDbStoreTest, WritesAgainAfterADiskThatWasFull) {
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  ASSERT_THAT(Put(*store, Table::kJobs, "1", "a", Durability::kPower), IsOk());
  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit full{4096, old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);

  const absl::Status refused = Put(*store, Table::kJobs, "2", std::string(64 << 10, 'b'), Durability::kPower);

  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  EXPECT_THAT(refused, HasReason("STORAGE_FAILED"));
  EXPECT_THAT(Put(*store, Table::kJobs, "3", "c", Durability::kPower), IsOk());
  EXPECT_THAT(store->Get(Table::kJobs, "1"), IsOkAndHolds(Optional(std::string("a"))));
}

TEST_F(RocksDbStoreTest, TheNumberOfLogsStaysBoundedOverManyStarts) {
  for (int i = 0; i < 40; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    ASSERT_THAT(Put(*store, Table::kJobs, std::to_string(i), "a", Durability::kProcess), IsOk());
  }
  EXPECT_LE(FilesWith(catalog(), ".log").size(), 10U);
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_THAT(store->Get(Table::kJobs, "0"), IsOkAndHolds(Optional(std::string("a"))));
}

TEST_F(RocksDbStoreTest, WritesNoLogOfItsOwn) {
  GivenACatalog();
  EXPECT_THAT(FilesWith(catalog(), "LOG"), IsEmpty());
}

}  // namespace
}  // namespace batuta::metadata
