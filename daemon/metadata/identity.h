#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "daemon/metadata/metadata_store.h"

namespace batuta::metadata {

// Random values made once per catalog and kept in Table::kMeta, as 32 lower-case hex characters. The first
// call writes (kPower); later ones read. Not to be called side by side on a new catalog.
//   kDataLoss (CATALOG_DAMAGED)  what is stored is not such a value.

// Names this installation wherever its files must be told from those of others (partial and temp files of the
// cache).
absl::StatusOr<std::string> InstanceId(MetadataStore& store);

// Makes fingerprints of this catalog worthless elsewhere (budget windows are keyed by a salted fingerprint of
// the token).
absl::StatusOr<std::string> Salt(MetadataStore& store);

}  // namespace batuta::metadata
