#include "daemon/safety/container/expanded_source.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/status/status.h"

namespace batuta::safety {
namespace {

// What a further stream begins with.
std::string_view FirstByte(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return "\x1f";
    case Compression::kBzip2:
      return "B";
    case Compression::kXz:
      return "\xfd";
    case Compression::kLz4:
      return "\x04";
    case Compression::kZstd:
      return "\x28";
    default:
      return "no byte";
  }
}

}  // namespace

Expander::Expander(ByteSource& packed, Compression compression, bool many)
    : packed_(packed), compression_(compression), many_(many), decoder_(NewDecoder(compression)) {}

Expander::Expander(ByteSource& packed, Compression compression, bool many, const Mark& mark)
    : packed_(packed, mark.packed_offset),
      compression_(compression),
      many_(many),
      decoder_(mark.decoder->Clone()) {}

absl::StatusOr<size_t> Expander::Next(std::span<char> out) {
  size_t count = 0;
  while (count < out.size() && !ended_) {
    const std::string_view in = packed_.Window();
    if (packed_.failed()) return packed_.status();
    const Decoder::Step step = decoder_->Decode(in, out.subspan(count));
    packed_.Skip(step.used);
    count += step.made;
    if (step.state == Decoder::State::kEnd) {
      EndStream();
    } else if (step.state != Decoder::State::kMore) {
      ended_ = true;
      fault_ = step.state == Decoder::State::kBroken ? ExpandFault::kBroken : ExpandFault::kMemory;
    } else if (step.used == 0 && step.made == 0) {
      ended_ = true;
      fault_ = in.empty() ? ExpandFault::kCut : ExpandFault::kBroken;
    }
  }
  return count;
}

void Expander::EndStream() {
  const std::string_view next = packed_.Peek(1).substr(0, 1);
  if (packed_.failed() || (many_ && next == FirstByte(compression_))) return;
  ended_ = true;
  if (!next.empty()) fault_ = ExpandFault::kTrailing;
}

ExpandedSource::ExpandedSource(ByteSource& packed, Compression compression, bool many)
    : packed_(packed),
      compression_(compression),
      many_(many),
      expander_(std::make_unique<Expander>(packed, compression, many)) {}

absl::Status ExpandedSource::Measure(Report& report, const Limits& limits, uint64_t expected_bytes) {
  const uint64_t most = ExpandableBytes(packed_.size_bytes(), limits);
  while (size_bytes_ <= expected_bytes) {
    ASSIGN_OR_RETURN(const std::string_view piece, NextPiece());
    fault_ = expander_->fault();
    if (piece.size() > most - size_bytes_ || !report.TakeExpanded(piece.size())) {
      fault_ = ExpandFault::kTooLarge;
      return absl::OkStatus();
    }
    crc32_ = UpdateCrc32(crc32_, piece);
    size_bytes_ += piece.size();
    if (piece.size() < kPieceBytes) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status ExpandedSource::Read(uint64_t offset, std::span<char> out) {
  while (!out.empty()) {
    ASSIGN_OR_RETURN(std::string_view piece, Piece(offset / kPieceBytes));
    piece.remove_prefix(std::min<size_t>(offset % kPieceBytes, piece.size()));
    if (piece.empty()) return absl::DataLossError("compressed data changed while it was inspected");
    const size_t count = piece.copy(out.data(), out.size());
    out = out.subspan(count);
    offset += count;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> ExpandedSource::Piece(uint64_t index) {
  if (const auto kept = pieces_.find(index); kept != pieces_.end()) return kept->second;
  GoNear(index);
  while (next_piece_ < index) RETURN_IF_ERROR(NextPiece().status());
  return NextPiece();
}

absl::StatusOr<std::string_view> ExpandedSource::NextPiece() {
  if (made_pieces_ / kMostPasses > std::max<uint64_t>(size_bytes_ / kPieceBytes, kMostPieces)) {
    gave_up_ = true;
    return absl::ResourceExhaustedError("compressed data would have to be read back and forth");
  }
  MarkHere();
  std::string piece(kPieceBytes, '\0');
  ASSIGN_OR_RETURN(const size_t count, expander_->Next(piece));
  piece.resize(count);
  ++made_pieces_;
  const uint64_t index = next_piece_++;
  Keep(index, std::move(piece));
  return pieces_.find(index)->second;
}

void ExpandedSource::Keep(uint64_t index, std::string piece) {
  if (!pieces_.insert_or_assign(index, std::move(piece)).second) return;
  kept_order_.push_back(index);
  if (kept_order_.size() <= kMostPieces) return;
  pieces_.erase(kept_order_.front());
  kept_order_.pop_front();
}

void ExpandedSource::MarkHere() {
  const uint64_t last = marks_.empty() ? 0 : marks_.back().first;
  if (next_piece_ < last + mark_distance_) return;
  Expander::Mark mark = expander_->Here();
  if (mark.decoder == nullptr) return;
  marks_.emplace_back(next_piece_, std::move(mark));
  if (marks_.size() < kMostMarks) return;
  // Half as many, twice as far apart.
  for (size_t i = 1; i < marks_.size(); i += 2) marks_[i / 2] = std::move(marks_[i]);
  marks_.resize(marks_.size() / 2);
  mark_distance_ *= 2;
}

void ExpandedSource::GoNear(uint64_t index) {
  const auto behind = std::upper_bound(marks_.begin(), marks_.end(), index,
                                       [](uint64_t wanted, const auto& mark) { return wanted < mark.first; });
  const uint64_t nearest = behind == marks_.begin() ? 0 : std::prev(behind)->first;
  if (next_piece_ <= index && next_piece_ >= nearest) return;
  expander_ = behind == marks_.begin()
                  ? std::make_unique<Expander>(packed_, compression_, many_)
                  : std::make_unique<Expander>(packed_, compression_, many_, std::prev(behind)->second);
  next_piece_ = nearest;
}

}  // namespace batuta::safety
