#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/subject.h"
#include "daemon/safety/container/decoder.h"

namespace batuta::safety {

// Why decompression stopped.
enum class ExpandFault : uint8_t { kNone, kBroken, kCut, kTrailing, kMemory, kTooLarge };

// Compressed bytes from their beginning to their end, in one direction.
class Expander {
 public:
  // A place in the middle from which another one can go on.
  struct Mark {
    uint64_t packed_offset = 0;
    std::unique_ptr<Decoder> decoder;  // null: there is no going on from here
  };

  // With `many`, stream follows stream until the bytes end; without, something behind the first is trailing.
  Expander(ByteSource& packed, Compression compression, bool many);
  Expander(ByteSource& packed, Compression compression, bool many, const Mark& mark);

  // As many bytes of `out` as there are; fewer only at the end, which is also where a fault is.
  absl::StatusOr<size_t> Next(std::span<char> out);

  ExpandFault fault() const { return fault_; }

  Mark Here() { return {packed_.offset(), decoder_->Clone()}; }

 private:
  // Between two streams: goes on, or ends.
  void EndStream();

  ByteReader packed_;
  Compression compression_;
  bool many_;
  std::unique_ptr<Decoder> decoder_;
  bool ended_ = false;
  ExpandFault fault_ = ExpandFault::kNone;
};

// What compressed bytes expand to, as a source of its own. It goes through all of it once, to know the size
// and that nothing is wrong, then expands again what is read, in pieces of which the last ones stay in
// memory. Steps back cost little where the compression allows to go on from the middle; the work they make is
// bounded.
class ExpandedSource final : public ByteSource {
 public:
  static constexpr size_t kPieceBytes = 64 << 10;
  static constexpr size_t kMostPieces = 128;  // in memory
  static constexpr size_t kMostMarks = 64;
  static constexpr uint64_t kMostPasses = 16;  // through all of it

  // `packed` must outlive it.
  ExpandedSource(ByteSource& packed, Compression compression, bool many);

  // Call it once, first. At most ExpandableBytes(), and hardly more than `expected_bytes`; what is beyond is
  // a fault, and so is whatever does not decompress: then it is what came before that. An error is about
  // reading.
  absl::Status Measure(Report& report, const Limits& limits, uint64_t expected_bytes = UINT64_MAX);

  ExpandFault fault() const { return fault_; }

  uint32_t crc32() const { return crc32_; }

  uint64_t size_bytes() const override { return size_bytes_; }

  // kResourceExhausted when it was read back and forth too often; gave_up() says so as well.
  absl::Status Read(uint64_t offset, std::span<char> out) override;

  bool gave_up() const { return gave_up_; }

 private:
  // Valid until the next call.
  absl::StatusOr<std::string_view> Piece(uint64_t index);
  // The piece that follows, kept and marked.
  absl::StatusOr<std::string_view> NextPiece();
  void Keep(uint64_t index, std::string piece);
  void MarkHere();
  // Begins at the mark that is nearest before a piece, where that is nearer than here.
  void GoNear(uint64_t index);

  ByteSource& packed_;
  Compression compression_;
  bool many_;
  uint64_t size_bytes_ = 0;
  uint32_t crc32_ = 0;
  ExpandFault fault_ = ExpandFault::kNone;

  std::unique_ptr<Expander> expander_;
  uint64_t next_piece_ = 0;  // of expander_
  uint64_t made_pieces_ = 0;
  bool gave_up_ = false;

  absl::flat_hash_map<uint64_t, std::string> pieces_;       // by index
  std::deque<uint64_t> kept_order_;                         // the oldest first
  std::vector<std::pair<uint64_t, Expander::Mark>> marks_;  // before the piece, ascending
  uint64_t mark_distance_ = 16;                             // pieces between two marks
};

}  // namespace batuta::safety
