#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace batuta::metadata {

// What the catalog keeps. Each table's values are encoded by the folder that owns them, as JSON with a "v"
// field where nothing else is said.
enum class Table {
  kMeta,        // schema version, salt, instance id
  kJobs,        // job id → daemon/jobs
  kPartials,    // repo folder / blob → daemon/cache
  kSelections,  // repo folder / commit / selection → what a pull asked for; daemon/inventory
  kAccesses,    // repo folder / commit / selection → when it was used last; daemon/inventory
  kSurveys,     // repo folder → what lies in it, as it was surveyed (binary); daemon/inventory
  kHubFacts,    // repo folder → what the hub said of it by the way; daemon/inventory
  kAnswers,     // generation / salted name of a question → what the hub answered; daemon/hub
  kWindows,     // endpoint, identity, kind → daemon/budget
  kVerdicts,    // blob / what the name promises → what the inspection said; daemon/guard
  kAdopted,     // repo folder → what is unsafe in it; daemon/adoption
  kConsents,    // repo folder / commit / blob → who admitted what; daemon/guard
  kVerified,    // device / inode → which blob the file was found to be, and when; daemon/cache
  kPieces,      // blob → checksums of its pieces; daemon/cache
  kNames,       // endpoint, namespace or repo → it is trusted, or as which repo it was met; daemon/review
  kHeaders,     // blob → what was read of the file's header (binary); daemon/pull
  kContents,    // device / inode → stamp and names of a local file's bytes (binary); daemon/push
  kScans,       // sha256 / what the name promises → secrets found in a local file; daemon/push
  kGrants,      // repo folder → who may read it; daemon/entitlement
  kUploads,     // sha256 / store → parts of an object that the hub's store has; daemon/push
};

// "meta", "jobs" …: for messages.
std::string_view ToString(Table table);

// Writes that take effect together or not at all.
class WriteBatch {
 public:
  struct Change {
    Table table;
    std::string key;
    std::optional<std::string> value;  // nullopt = delete
  };

  void Put(Table table, std::string key, std::string value) {
    changes_.push_back({table, std::move(key), std::move(value)});
  }

  void Delete(Table table, std::string key) { changes_.push_back({table, std::move(key), std::nullopt}); }

  const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;
};

enum class Durability {
  kProcess,  // survives kill -9
  kPower,    // survives a power cut, and so does everything written before
};

// MetadataStore is the catalog: an ordered map per table. Keys are any bytes ≤ 4 KiB, values ≤ 16 MiB.
// Thread-safe. Calls may block for a disk write (kPower: for an fsync); reads of what was written lately do
// not.
//   kUnavailable (STORAGE_FAILED), kResourceExhausted (DISK_FULL), kDataLoss (CATALOG_DAMAGED)  any method.
//   kInvalidArgument (INVALID_ARGUMENT)  Write(): a key or value is beyond its limit; nothing was written.
class MetadataStore {
 public:
  virtual ~MetadataStore() = default;
  virtual absl::StatusOr<std::optional<std::string>> Get(Table table, std::string_view key) = 0;

  // The changes take effect in their order, so the last one to a key wins. An empty batch with kPower makes
  // durable what was written before.
  virtual absl::Status Write(const WriteBatch& batch, Durability durability) = 0;

  // In key order (bytes, unsigned); stops when `visit` returns false. Writes during the scan are not seen;
  // `visit` may make them. An empty prefix is the whole table.
  virtual absl::Status Scan(
      Table table, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) = 0;
};

// kInvalidArgument (INVALID_ARGUMENT) when a key or value of the batch is beyond its limit. For
// implementations.
absl::Status CheckLimits(const WriteBatch& batch);

// One put or delete.
absl::Status Put(MetadataStore& store, Table table, std::string_view key, std::string_view value,
                 Durability durability);
absl::Status Delete(MetadataStore& store, Table table, std::string_view key, Durability durability);

}  // namespace batuta::metadata
