#include "daemon/transfer/piece_checks.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <xxhash.h>

namespace batuta::transfer {
namespace {

// Small enough that little is fetched again, few enough that their sums fit a line of the journal.
constexpr uint64_t kMinPieceBytes = 4 << 20;
constexpr uint64_t kMaxPieces = 256;

uint64_t PieceBytes(uint64_t size_bytes) {
  return std::max(kMinPieceBytes, std::bit_ceil(size_bytes / kMaxPieces));
}

}  // namespace

void RunningSum::Free::operator()(XXH3_state_t* state) const {
  XXH3_freeState(state);
}

RunningSum::RunningSum() : state_(XXH3_createState()) {
  XXH3_64bits_reset(state_.get());
}

void RunningSum::Update(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
}

uint64_t RunningSum::value() const {
  return XXH3_64bits_digest(state_.get());
}

PieceChecks::PieceChecks(uint64_t size_bytes, cache::PieceSums known)
    : size_bytes_(size_bytes), sums_(std::move(known)) {
  const uint64_t piece_bytes = PieceBytes(size_bytes);
  if (sums_.piece_bytes != piece_bytes) sums_ = {.piece_bytes = piece_bytes, .by_piece = {}};
}

Extent PieceChecks::PieceAt(uint64_t offset) const {
  const uint64_t begin = NumberOf(offset) * sums_.piece_bytes;
  return {begin, std::min(begin + sums_.piece_bytes, size_bytes_)};
}

std::optional<uint64_t> PieceChecks::SumAt(uint64_t offset) const {
  if (offset % sums_.piece_bytes != 0) return std::nullopt;
  const auto known = sums_.by_piece.find(NumberOf(offset));
  return known == sums_.by_piece.end() ? std::nullopt : std::optional(known->second);
}

void PieceChecks::Forget(Extent piece) {
  sums_.by_piece.erase(NumberOf(piece.begin));
  open_.erase(NumberOf(piece.begin));
}

void PieceChecks::OnArrived(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const Extent piece = PieceAt(offset);
    const auto length = static_cast<size_t>(std::min<uint64_t>(bytes.size(), piece.end - offset));
    Extend(piece, offset, bytes.first(length));
    bytes = bytes.subspan(length);
    offset += length;
  }
}

void PieceChecks::Extend(const Extent& piece, uint64_t offset, std::span<const std::byte> bytes) {
  const uint64_t number = NumberOf(offset);
  if (offset == piece.begin) {
    sums_.by_piece.erase(number);
    open_.insert_or_assign(number, Open{RunningSum(), offset});
  }
  const auto open = open_.find(number);
  if (open == open_.end() || open->second.cursor != offset) return;
  open->second.sum.Update(bytes);
  open->second.cursor += bytes.size();
  if (open->second.cursor < piece.end) return;
  sums_.by_piece[number] = open->second.sum.value();
  open_.erase(open);
}

}  // namespace batuta::transfer
