#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/metadata/metadata_store.h"

namespace batuta::metadata {

// What opening the catalog had to do, in words for a person; empty when nothing.
struct OpenReport {
  std::vector<std::string> notices;
};

// Opens (or makes) the catalog in `folder`, which nobody else may have open.
// A damaged catalog is moved aside to `<folder>.damaged-<time>` and a new one is begun; an older schema is
// migrated; both are noticed in the report. No content of the cache is ever touched: the catalog is an index.
//   kFailedPrecondition (CATALOG_NEWER)  written by a newer version; nothing was changed.
//   kPermissionDenied (STORAGE_READ_ONLY), kResourceExhausted (DISK_FULL), kUnavailable (STORAGE_FAILED).
absl::StatusOr<std::unique_ptr<MetadataStore>> OpenRocksDbStore(const std::filesystem::path& folder,
                                                                OpenReport* report);

}  // namespace batuta::metadata
