#include "daemon/cache/known_pieces.h"

#include <optional>
#include <string>
#include <string_view>

#include "common/status/status.h"
#include "daemon/cache/journal.h"

namespace batuta::cache {
namespace {

using metadata::Durability;
using metadata::Table;

}  // namespace

absl::Status KnownPieces::Record(const BlobId& blob, uint64_t size_bytes, const PieceSums& sums) {
  if (size_bytes < kLeastBytes || sums.by_piece.empty()) return absl::OkStatus();
  return metadata::Put(store_, Table::kPieces, blob.hex(), Encode(sums), Durability::kProcess);
}

absl::StatusOr<PieceSums> KnownPieces::Find(const BlobId& blob) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, store_.Get(Table::kPieces, blob.hex()));
  return text.has_value() ? DecodePieceSums(*text) : PieceSums();
}

absl::Status KnownPieces::ForgetGone(absl::FunctionRef<bool(const BlobId& blob)> is_there) {
  metadata::WriteBatch batch;
  RETURN_IF_ERROR(store_.Scan(Table::kPieces, "", [&](std::string_view key, std::string_view value) {
    const auto blob = BlobId::Parse(key);
    const bool is_of_use = blob.ok() && is_there(*blob) && DecodePieceSums(value).piece_bytes > 0;
    if (!is_of_use) batch.Delete(Table::kPieces, std::string(key));
    return true;
  }));
  return batch.changes().empty() ? absl::OkStatus() : store_.Write(batch, Durability::kProcess);
}

}  // namespace batuta::cache
