#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/types/blob_id.h"
#include "daemon/cache/partial.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::cache {

// KnownPieces keeps the checksums of the pieces of whole blobs, in Table::kPieces: when the disk has damaged
// one, they tell which bytes are still right. Of small blobs nothing is kept: they are fetched as a whole. At
// most 256 pieces a blob, about 8 KiB.
//
// Thread-safe. Everything blocks on the catalog: run it on the disk pool. Errors: those of MetadataStore.
class KnownPieces {
 public:
  static constexpr uint64_t kLeastBytes = 8 << 20;  // of a blob that is worth it

  explicit KnownPieces(metadata::MetadataStore& store) : store_(store) {}

  // `sums` are of the blob, which is whole. Too small ones, and none at all, are passed over.
  absl::Status Record(const BlobId& blob, uint64_t size_bytes, const PieceSums& sums);

  // None when nothing is known.
  absl::StatusOr<PieceSums> Find(const BlobId& blob);

  // Forgets blobs that the cache does not have any more, and records that cannot be read.
  absl::Status ForgetGone(absl::FunctionRef<bool(const BlobId& blob)> is_there);

 private:
  metadata::MetadataStore& store_;
};

}  // namespace batuta::cache
