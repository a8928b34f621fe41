#include "daemon/metadata/rocksdb_status.h"

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::metadata {

absl::Status ToStatus(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = fmt::format("catalog: {}: {}", what, status.ToString());
  if (status.IsCorruption()) {
    return MakeError(
        absl::StatusCode::kDataLoss, reason::kCatalogDamaged, message,
        "restart batutad: it sets the damaged catalog aside and begins a new one; the cache is not affected");
  }
  if (status.IsNoSpace()) {
    return MakeError(absl::StatusCode::kResourceExhausted, reason::kDiskFull, message,
                     "free space on the disk of the state folder, then try again");
  }
  return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed, message,
                   "check the disk of the state folder, then restart batutad");
}

bool SaysDamaged(const rocksdb::Status& status) {
  // A file that the manifest names and nobody has is an I/O error to RocksDB; an option file or a comparator
  // that it does not understand is an invalid argument.
  return status.IsCorruption() || status.IsPathNotFound() || status.IsInvalidArgument() ||
         status.IsNotSupported() || status.IsNotFound();
}

}  // namespace batuta::metadata
