#include "daemon/metadata/rocksdb_store.h"

#include <cstdarg>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "daemon/metadata/catalog_folder.h"
#include "daemon/metadata/rocksdb_status.h"
#include "daemon/metadata/schema.h"

namespace batuta::metadata {
namespace {

// RocksDB makes a LOG file of its own when it is given no logger. What matters comes back as a status.
class NoLogger final : public rocksdb::Logger {
 public:
  NoLogger() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}

  using Logger::Logv;

  void Logv(const char*, va_list) override {}
};

// Tables share one column family, told apart by the first byte of the key. A family each would mean ten
// write buffers, ten sets of files at start, and a log that can only be cut when the quietest table has
// been flushed. The letters are on disk: they never change.
char Tag(Table table) {
  switch (table) {
    case Table::kMeta:
      return 'm';
    case Table::kJobs:
      return 'j';
    case Table::kPartials:
      return 'p';
    case Table::kSelections:
      return 's';
    case Table::kAccesses:
      return 'a';
    case Table::kSurveys:
      return 'i';
    case Table::kHubFacts:
      return 'h';
    case Table::kAnswers:
      return 'r';  // once of revisions only
    case Table::kWindows:
      return 'w';
    case Table::kVerdicts:
      return 'v';
    case Table::kAdopted:
      return 'd';
    case Table::kConsents:
      return 'o';
    case Table::kVerified:
      return 'f';  // found to be
    case Table::kPieces:
      return 'c';
    case Table::kNames:
      return 'n';
    case Table::kHeaders:
      return 'g';  // mostly of GGUF files
    case Table::kContents:
      return 'l';  // of local files
    case Table::kScans:
      return 'x';
    case Table::kGrants:
      return 'e';  // entitlements
    case Table::kUploads:
      return 'u';
  }
  return '?';
}

std::string KeyOf(Table table, std::string_view key) {
  std::string full(1, Tag(table));
  full += key;
  return full;
}

std::string_view ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// Small: about 10 MiB at most in memory, two files' worth of background work, nothing periodic.
rocksdb::Options SmallOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(4 << 20, 0);
  table.cache_index_and_filter_blocks = true;

  rocksdb::Options options;
  options.create_if_missing = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.info_log = std::make_shared<NoLogger>();
  options.write_buffer_size = 2 << 20;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = 16 << 20;
  options.max_open_files = 64;
  options.max_manifest_file_size = 1 << 20;
  options.max_background_jobs = 2;
  options.compression = rocksdb::kNoCompression;  // readable by any build of the library
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  // The log is replayed at the next start anyway: neither start nor stop waits for a table file.
  options.avoid_flush_during_recovery = true;
  options.avoid_flush_during_shutdown = true;
  // What a power cut tore off the end of the log was promised to nobody; all before it is consistent.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  return options;
}

using Database = std::shared_ptr<rocksdb::DB>;

rocksdb::Status OpenDatabase(const std::filesystem::path& path, Database* database) {
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(SmallOptions(), path.native(), &opened);
  database->reset(opened);
  return status;
}

class RocksDbStore final : public MetadataStore {
 public:
  explicit RocksDbStore(Database database) : database_(std::move(database)) {}

  void Own(CatalogFolder folder) { folder_.emplace(std::move(folder)); }

  absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) override {
    const Database database = Borrow();
    if (database == nullptr) return Closed();
    std::string value;
    const rocksdb::Status status = database->Get(rocksdb::ReadOptions(), KeyOf(table, key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return Failed(status, fmt::format("read {}", ToString(table)));
    return value;
  }

  absl::Status Write(const WriteBatch& batch, Durability durability) override {
    RETURN_IF_ERROR(CheckLimits(batch));
    rocksdb::WriteBatch changes;
    for (const WriteBatch::Change& change : batch.changes()) {
      const std::string key = KeyOf(change.table, change.key);
      // In memory: these fail only beyond limits that CheckLimits() is far below.
      const rocksdb::Status added =
          change.value.has_value() ? changes.Put(key, *change.value) : changes.Delete(key);
      if (!added.ok()) return ToStatus(added, "write");
    }
    rocksdb::Status status = Commit(&changes, durability);
    if (!status.ok() && Recover()) status = Commit(&changes, durability);
    return status.ok() ? absl::OkStatus() : Failed(status, "write");
  }

  absl::Status Scan(Table table, std::string_view prefix,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) override {
    const Database database = Borrow();
    if (database == nullptr) return Closed();
    const std::string full_prefix = KeyOf(table, prefix);
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> row(database->NewIterator(options));
    for (row->Seek(full_prefix); row->Valid() && row->key().starts_with(full_prefix); row->Next()) {
      if (!visit(ViewOf(row->key()).substr(1), ViewOf(row->value()))) return absl::OkStatus();
    }
    if (!row->status().ok()) return Failed(row->status(), fmt::format("scan {}", ToString(table)));
    return absl::OkStatus();
  }

 private:
  // Null between a failed write and the recovery from it.
  Database Borrow() const {
    MutexLock lock(mutex_);
    return database_;
  }

  rocksdb::Status Commit(rocksdb::WriteBatch* changes, Durability durability) {
    const Database database = Borrow();
    if (database == nullptr) return rocksdb::Status::IOError("closed after a failed write");
    if (changes->Count() == 0)
      return durability == Durability::kPower ? database->SyncWAL() : rocksdb::Status::OK();
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::kPower;
    return database->Write(options, changes);
  }

  // After a failed write RocksDB refuses all others. When the cause was a full disk it can be told that there
  // may be room again; else it must be closed and opened. True when a write may be tried.
  bool Recover() {
    if (const Database database = Borrow(); database != nullptr && database->Resume().ok()) return true;
    if (!folder_.has_value()) return false;
    Database last;
    {
      MutexLock lock(mutex_);
      // Copies are made under this lock only: with one left nobody is inside. Else the next failure tries
      // again.
      if (database_.use_count() > 1) return false;
      last = std::move(database_);
    }
    last.reset();
    Database reopened;
    if (!OpenDatabase(folder_->path(), &reopened).ok()) return false;
    // Done with the log that ends in half a record.
    if (!reopened->Flush(rocksdb::FlushOptions()).ok()) return false;
    MutexLock lock(mutex_);
    database_ = std::move(reopened);
    return true;
  }

  static absl::Status Closed() {
    return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed,
                     "catalog: closed after a failed write",
                     "check the disk of the state folder; the next write tries to open it again");
  }

  absl::Status Failed(const rocksdb::Status& status, std::string_view what) const {
    if (status.IsCorruption() && folder_.has_value()) folder_->MarkDamaged();
    return ToStatus(status, what);
  }

  std::optional<CatalogFolder> folder_;  // given up after the database is closed
  mutable Mutex mutex_;
  Database database_ ABSL_GUARDED_BY(mutex_);
};

absl::Status Damaged(std::string_view why) {
  return MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged, why);
}

absl::Status OpenError(const rocksdb::Status& status) {
  return SaysDamaged(status) ? Damaged(status.ToString()) : ToStatus(status, "open");
}

// Reads the schema version without writing a byte, so that what a newer program wrote is left as it is.
absl::Status CheckVersion(const std::filesystem::path& path) {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(SmallOptions(), path.native(), &opened);
  if (!status.ok()) return OpenError(status);
  RocksDbStore store{Database(opened)};
  ASSIGN_OR_RETURN(const uint32_t version, SchemaVersionOf(store));
  return CheckNotNewer(version, SchemaMigrations());
}

// The log is replayed at each start and grows by a file each time until a flush: bounded here.
absl::Status BoundLogs(rocksdb::DB& database) {
  constexpr size_t kMostLogs = 8;
  rocksdb::VectorLogPtr logs;
  const rocksdb::Status listed = database.GetSortedWalFiles(logs);
  if (!listed.ok()) return ToStatus(listed, "list logs");
  return logs.size() <= kMostLogs ? absl::OkStatus()
                                  : ToStatus(database.Flush(rocksdb::FlushOptions()), "flush");
}

// kDataLoss (CATALOG_DAMAGED): there is something, and it is of no use.
absl::StatusOr<std::unique_ptr<RocksDbStore>> OpenExisting(const CatalogFolder& folder, OpenReport* report) {
  if (const auto damage = folder.ObviousDamage(); damage.has_value()) return Damaged(*damage);
  if (folder.HasDatabase()) RETURN_IF_ERROR(CheckVersion(folder.path()));
  Database database;
  if (const rocksdb::Status status = OpenDatabase(folder.path(), &database); !status.ok())
    return OpenError(status);
  RETURN_IF_ERROR(BoundLogs(*database));
  auto store = std::make_unique<RocksDbStore>(std::move(database));
  ASSIGN_OR_RETURN(const std::optional<uint32_t> migrated, MigrateSchema(*store, SchemaMigrations()));
  if (migrated.has_value()) {
    report->notices.push_back(fmt::format("The catalog was brought from schema version {} to {}.", *migrated,
                                          SchemaMigrations().size()));
  }
  return store;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetadataStore>> OpenRocksDbStore(const std::filesystem::path& folder,
                                                                OpenReport* report) {
  ASSIGN_OR_RETURN(CatalogFolder owned, CatalogFolder::Take(folder));
  auto store = OpenExisting(owned, report);
  if (absl::IsDataLoss(store.status())) {
    ASSIGN_OR_RETURN(const std::filesystem::path aside, owned.SetAside(SystemClock().wall()));
    report->notices.push_back(
        fmt::format("The catalog was damaged ({}) and has been moved to {}; a new one was begun. No file of "
                    "the cache was "
                    "touched; unfinished downloads start over.",
                    MessageOf(store.status()), aside.native()));
    store = OpenExisting(owned, report);
  }
  if (!store.ok()) return store.status();
  (*store)->Own(std::move(owned));
  return std::unique_ptr<MetadataStore>(*std::move(store));
}

}  // namespace batuta::metadata
