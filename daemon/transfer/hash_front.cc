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

absl::StatusOr<std::optional<Extent>> HashFront::CatchUp(cache::Partial& partial, uint64_t run_end,
                                                         const PieceChecks& checks, uint64_t limit_bytes) {
  const uint64_t end = std::min(run_end, front_ + limit_bytes);
  if (front_ < end && scratch_.empty()) scratch_.resize(kScratchBytes);
  while (front_ < end) {
    if (!check_) BeginCheck(run_end, checks);
    const uint64_t limit = std::min(end, checks.PieceAt(front_).end);
    const std::span<std::byte> step =
        std::span(scratch_).first(static_cast<size_t>(std::min<uint64_t>(kScratchBytes, limit - front_)));
    ASSIGN_OR_RETURN(const size_t length, partial.ReadAt(front_, step));
    if (length != step.size()) {
      return MakeError(absl::StatusCode::kUnavailable, reason::kStorageFailed,
                       fmt::format("blob {}: bytes that were written at {} cannot be read back",
                                   partial.blob().hex(), front_ + length),
                       "check the disk that holds the cache, and pull again");
    }
    hash_.Update(step);
    if (check_) check_->actual.Update(step);
    front_ += length;
    if (const std::optional<Extent> damaged = EndCheck()) return damaged;
  }
  return std::nullopt;
}

void HashFront::BeginCheck(uint64_t run_end, const PieceChecks& checks) {
  const std::optional<uint64_t> expected = checks.SumAt(front_);
  const Extent piece = checks.PieceAt(front_);
  if (!expected || run_end < piece.end) return;
  check_.emplace(Check{piece, *expected, RunningSum(), hash_.Copy()});
}

std::optional<Extent> HashFront::EndCheck() {
  if (!check_ || front_ < check_->piece.end) return std::nullopt;
  Check check = *std::move(check_);
  check_.reset();
  if (check.actual.value() == check.expected) return std::nullopt;
  hash_ = std::move(check.hash_before);
  front_ = check.piece.begin;
  return check.piece;
}

}  // namespace batuta::transfer
