#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/metadata/metadata_store.h"

namespace batuta::metadata {

// One step from a schema version to the next: reads the store, adds to `changes` what must change. The
// changes and the new version are written as one step, so a crash leaves either version whole.
using Migration = std::function<absl::Status(MetadataStore& store, WriteBatch* changes)>;

// The steps that this program knows, oldest first: element n takes version n to n+1. Its size is the version
// it writes.
std::span<const Migration> SchemaMigrations();

// The version a store was written with: 0 when it does not say.
//   kDataLoss (CATALOG_DAMAGED)  it says something that is not a version.
absl::StatusOr<uint32_t> SchemaVersionOf(MetadataStore& store);

// kFailedPrecondition (CATALOG_NEWER) when `version` is above what `migrations` lead to.
absl::Status CheckNotNewer(uint32_t version, std::span<const Migration> migrations);

// Brings the store to the version that `migrations` lead to (kPower). Answers the version it had, or nothing
// when the store was empty or up to date. Errors of a step come back with the version it stood at; the steps
// before it remain done.
absl::StatusOr<std::optional<uint32_t>> MigrateSchema(MetadataStore& store,
                                                      std::span<const Migration> migrations);

}  // namespace batuta::metadata
