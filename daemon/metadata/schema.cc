#include "daemon/metadata/schema.h"

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::metadata {
namespace {

constexpr std::string_view kVersionKey = "schema_version";
constexpr std::array kTables = {Table::kMeta,     Table::kJobs,     Table::kPartials, Table::kSelections,
                                Table::kAccesses, Table::kSurveys,  Table::kHubFacts, Table::kAnswers,
                                Table::kWindows,  Table::kVerdicts, Table::kAdopted,  Table::kConsents,
                                Table::kVerified, Table::kPieces,   Table::kNames,    Table::kHeaders,
                                Table::kContents, Table::kScans,    Table::kUploads,  Table::kGrants};

// Version 1 is the first that says its version; its tables are laid out as those before it.
absl::Status SayVersion(MetadataStore&, WriteBatch*) {
  return absl::OkStatus();
}

absl::StatusOr<bool> IsEmpty(MetadataStore& store) {
  bool is_empty = true;
  for (const Table table : kTables) {
    RETURN_IF_ERROR(
        store.Scan(table, {}, [&](std::string_view, std::string_view) { return is_empty = false; }));
    if (!is_empty) break;
  }
  return is_empty;
}

absl::Status WriteVersion(MetadataStore& store, WriteBatch changes, uint32_t version) {
  changes.Put(Table::kMeta, std::string(kVersionKey), fmt::format("{}", version));
  return store.Write(changes, Durability::kPower);
}

}  // namespace

std::span<const Migration> SchemaMigrations() {
  static const std::array<Migration, 1> migrations = {SayVersion};
  return migrations;
}

absl::StatusOr<uint32_t> SchemaVersionOf(MetadataStore& store) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, store.Get(Table::kMeta, kVersionKey));
  if (!text.has_value()) return 0;
  uint32_t version = 0;
  const char* const end = text->data() + text->size();
  const auto [parsed, error] = std::from_chars(text->data(), end, version);
  if (error == std::errc() && parsed == end && version > 0) return version;
  return MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged,
                   "the catalog's schema version is unreadable");
}

absl::Status CheckNotNewer(uint32_t version, std::span<const Migration> migrations) {
  if (version <= migrations.size()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kCatalogNewer,
                   fmt::format("the catalog has schema version {}; this program knows versions up to {}",
                               version, migrations.size()),
                   "start the newer batutad that wrote it, or use another state folder (--state-dir)");
}

absl::StatusOr<std::optional<uint32_t>> MigrateSchema(MetadataStore& store,
                                                      std::span<const Migration> migrations) {
  ASSIGN_OR_RETURN(const uint32_t found, SchemaVersionOf(store));
  RETURN_IF_ERROR(CheckNotNewer(found, migrations));
  if (found == migrations.size()) return std::nullopt;
  if (found == 0) {
    ASSIGN_OR_RETURN(const bool is_new, IsEmpty(store));
    if (is_new) {
      RETURN_IF_ERROR(WriteVersion(store, {}, static_cast<uint32_t>(migrations.size())));
      return std::nullopt;
    }
  }
  for (uint32_t version = found; version < migrations.size(); ++version) {
    WriteBatch changes;
    absl::Status status = migrations[version](store, &changes);
    if (status.ok()) status = WriteVersion(store, std::move(changes), version + 1);
    if (!status.ok())
      return Annotate(status, fmt::format("migrate the catalog from schema version {}", version));
  }
  return found;
}

}  // namespace batuta::metadata
