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
    : size_bytes_(size_bytes), piece_bytes_(PieceBytes(size_bytes)) {
  MutexLock lock(mutex_);
  if (known.piece_bytes == piece_bytes_) sums_ = std::move(known);
  sums_.piece_bytes = piece_bytes_;
}

cache::PieceSums PieceChecks::sums() const {
  MutexLock lock(mutex_);
  return sums_;
}

Extent PieceChecks::PieceAt(uint64_t offset) const {
  const uint64_t begin = NumberOf(offset) * piece_bytes_;
  return {begin, std::min(begin + piece_bytes_, size_bytes_)};
}

std::optional<uint64_t> PieceChecks::SumAt(uint64_t offset) const {
  if (offset % piece_bytes_ != 0) return std::nullopt;
  MutexLock lock(mutex_);
  const auto known = sums_.by_piece.find(NumberOf(offset));
  return known == sums_.by_piece.end() ? std::nullopt : std::optional(known->second);
}

void PieceChecks::Forget(Extent piece) {
  MutexLock lock(mutex_);
  sums_.by_piece.erase(NumberOf(piece.begin));
  open_.erase(NumberOf(piece.begin));
}

void PieceChecks::OnArrived(uint64_t offset, std::span<const std::byte> bytes) {
  MutexLock lock(mutex_);
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
