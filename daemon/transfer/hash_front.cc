#include "daemon/transfer/hash_front.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::transfer {
namespace {

// Stays in the second-level cache between the read and the hash.
constexpr size_t kScratchBytes = 256 * 1024;

}  // namespace

HashFront::HashFront(BlobId::Kind kind, uint64_t size_bytes) : hash_(kind, size_bytes) {}

void HashFront::OnWritten(uint64_t offset, std::span<const std::byte> bytes) {
  if (offset != front_) return;
  hash_.Update(bytes);
  front_ += bytes.size();
}

absl::Status HashFront::CatchUp(cache::Partial& partial, const Extents& written, uint64_t limit_bytes) {
  const uint64_t end = std::min(written.EndOfRun(front_), front_ + limit_bytes);
  if (front_ < end && scratch_.empty()) scratch_.resize(kScratchBytes);
  while (front_ < end) {
    const std::span<std::byte> piece =
        std::span(scratch_).first(static_cast<size_t>(std::min<uint64_t>(kScratchBytes, end - front_)));
    ASSIGN_OR_RETURN(const size_t length, partial.ReadAt(front_, piece));
    if (length != piece.size()) {
      return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed,
                       fmt::format("blob {}: bytes that were written at {} cannot be read back",
                                   partial.blob().hex(), front_ + length),
                       "check the disk that holds the cache, and pull again");
    }
    hash_.Update(piece);
    front_ += length;
  }
  return absl::OkStatus();
}

}  // namespace batuta::transfer
