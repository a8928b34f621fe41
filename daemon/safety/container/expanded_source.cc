#include "daemon/safety/container/expanded_source.h"

#include <algorithm>
#include <array>

#include "common/status/status.h"

namespace batuta::safety {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

using Piece = std::array<char, kPieceBytes>;

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
    : packed_(packed), compression_(compression), many_(many) {}

absl::Status ExpandedSource::Measure(Report& report, const Limits& limits, uint64_t expected_bytes) {
  const uint64_t most = ExpandableBytes(packed_.size_bytes(), limits);
  Expander expander(packed_, compression_, many_);
  auto piece = std::make_unique<Piece>();
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, expander.Next(*piece));
    fault_ = expander.fault();
    if (count == 0) return absl::OkStatus();
    if (count > most - size_bytes_ || !report.TakeExpanded(count)) {
      fault_ = ExpandFault::kTooLarge;
      return absl::OkStatus();
    }
    const std::string_view made(piece->data(), count);
    crc32_ = UpdateCrc32(crc32_, made);
    if (kept_.size() == size_bytes_ && size_bytes_ + count <= kKeptBytes) kept_.append(made);
    size_bytes_ += count;
    if (size_bytes_ > kept_.size()) kept_ = {};
    if (size_bytes_ > expected_bytes) return absl::OkStatus();
  }
}

absl::Status ExpandedSource::Read(uint64_t offset, std::span<char> out) {
  if (kept_.size() == size_bytes_) {
    kept_.copy(out.data(), out.size(), offset);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(SkipTo(offset));
  ASSIGN_OR_RETURN(const size_t count, expander_->Next(out));
  position_ += count;
  if (count < out.size()) return absl::DataLossError("compressed data changed while it was inspected");
  return absl::OkStatus();
}

absl::Status ExpandedSource::SkipTo(uint64_t offset) {
  if (expander_ == nullptr || offset < position_) {
    if (++restarts_ > kMostRestarts) {
      gave_up_ = true;
      return absl::ResourceExhaustedError("compressed data would have to be read back and forth");
    }
    expander_ = std::make_unique<Expander>(packed_, compression_, many_);
    position_ = 0;
  }
  if (offset == position_) return absl::OkStatus();
  auto piece = std::make_unique<Piece>();
  while (position_ < offset) {
    const uint64_t wanted = std::min<uint64_t>(kPieceBytes, offset - position_);
    ASSIGN_OR_RETURN(const size_t count, expander_->Next({piece->data(), static_cast<size_t>(wanted)}));
    if (count == 0) return absl::DataLossError("compressed data changed while it was inspected");
    position_ += count;
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
