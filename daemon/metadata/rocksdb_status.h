#pragma once

#include <string_view>

#include "absl/status/status.h"
#include <rocksdb/status.h>

namespace batuta::metadata {

// The Status of a RocksDB call; `what` names the call. Corruption → kDataLoss (CATALOG_DAMAGED), no space →
// kResourceExhausted (DISK_FULL), everything else → kUnavailable (STORAGE_FAILED).
absl::Status ToStatus(const rocksdb::Status& status, std::string_view what);

// Does opening fail so because the files are not a usable database (and not because the disk or the
// permissions are bad)?
bool SaysDamaged(const rocksdb::Status& status);

}  // namespace batuta::metadata
