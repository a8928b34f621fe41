#include "daemon/secrets/number_ranges.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "common/status/status.h"

namespace batuta::secrets {
namespace {

constexpr uint64_t kLeastBytes = 4 << 10;       // that are worth a range
constexpr uint64_t kMostHeaderBytes = 4 << 10;  // of a page of numbers: its statistics are short
constexpr uint64_t kHeaderBytes = 256;          // of most
constexpr size_t kMostRanges = 1 << 20;

// The pages of one chunk, one after the other.
class Walk {
 public:
  Walk(safety::ByteSource& file, const NumberChunk& chunk) : file_(file), chunk_(chunk) {}

  // Nothing when the pages are not as the chunk says.
  absl::StatusOr<std::vector<ByteRange>> Ranges() {
    std::vector<ByteRange> ranges;
    // Pages that are too short for that are read through sooner than walked through.
    uint64_t pages_left = 16 + chunk_.place.size_bytes / kLeastBytes;
    for (uint64_t at = 0; at < chunk_.place.size_bytes;) {
      ASSIGN_OR_RETURN(const std::optional<ParquetPage> page, PageAt(at));
      if (!page || page->packed_bytes > chunk_.place.size_bytes - at - page->header_bytes ||
          pages_left-- == 0)
        return std::vector<ByteRange>();
      const uint64_t begin = chunk_.place.offset + at + page->header_bytes;
      at += page->header_bytes + page->packed_bytes;
      if (page->kind == ParquetPage::Kind::kData) values_ += page->values;
      ASSIGN_OR_RETURN(const uint64_t numbers, NumberBytes(*page, begin));
      const uint64_t end = begin + page->packed_bytes;
      if (numbers >= kLeastBytes) ranges.push_back({end - numbers, end});
    }
    return values_ == chunk_.values ? ranges : std::vector<ByteRange>();
  }

 private:
  absl::StatusOr<std::optional<ParquetPage>> PageAt(uint64_t at) {
    const uint64_t left = chunk_.place.size_bytes - at;
    for (uint64_t size = kHeaderBytes; size <= kMostHeaderBytes; size *= 16) {
      std::string bytes(static_cast<size_t>(std::min(size, left)), '\0');
      RETURN_IF_ERROR(file_.Read(chunk_.place.offset + at, bytes));
      if (const std::optional<ParquetPage> page = ReadParquetPage(bytes); page) return page;
    }
    return std::nullopt;
  }

  // How much of the page, at its end, is plain numbers; 0 for what does not add up.
  absl::StatusOr<uint64_t> NumberBytes(const ParquetPage& page, uint64_t begin) {
    const auto coding = static_cast<ParquetCoding>(page.coding);
    const bool is_dictionary = page.kind == ParquetPage::Kind::kDictionary;
    const bool is_plain =
        coding == ParquetCoding::kPlain || (is_dictionary && coding == ParquetCoding::kPlainDictionary);
    if (page.kind == ParquetPage::Kind::kOther || !is_plain || page.packed_bytes != page.size_bytes ||
        chunk_.place.codec != static_cast<int64_t>(ParquetCodec::kNone)) {
      return 0;
    }
    uint64_t levels = page.level_bytes;
    for (int i = 0; i < (is_dictionary || page.is_newer ? 0 : chunk_.level_blocks); ++i) {
      uint32_t length = 0;
      if (levels > page.packed_bytes || page.packed_bytes - levels < sizeof length) return 0;
      RETURN_IF_ERROR(file_.Read(begin + levels, std::span(reinterpret_cast<char*>(&length), sizeof length)));
      levels += sizeof length + length;
    }
    if (levels > page.packed_bytes) return 0;
    const uint64_t bytes = page.packed_bytes - levels;
    const uint64_t count = bytes / chunk_.width_bytes;
    // What is missing takes no place; where nothing can be, nothing is.
    const bool adds_up =
        bytes % chunk_.width_bytes == 0 &&
        (chunk_.level_blocks == 0 || is_dictionary ? count == page.values : count <= page.values);
    return adds_up ? bytes : 0;
  }

  safety::ByteSource& file_;
  const NumberChunk& chunk_;
  uint64_t values_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<ByteRange>> NumberRanges(safety::ByteSource& file,
                                                    std::vector<NumberChunk> chunks) {
  std::ranges::sort(chunks, {}, [](const NumberChunk& chunk) { return chunk.place.offset; });
  std::vector<ByteRange> all;
  for (const NumberChunk& chunk : chunks) {
    ASSIGN_OR_RETURN(const std::vector<ByteRange> ranges, Walk(file, chunk).Ranges());
    all.insert(all.end(), ranges.begin(), ranges.end());
    if (all.size() > kMostRanges) break;
  }
  return all;
}

absl::StatusOr<size_t> SparseStream::Read(std::span<char> out) {
  if (out.empty()) return 0;
  if (next_ < left_out_.size() && offset_ == left_out_[next_].begin) {
    offset_ = left_out_[next_++].end;
    out[0] = '\0';
    return 1;
  }
  const uint64_t end = next_ < left_out_.size() ? left_out_[next_].begin : source_.size_bytes();
  const auto count = static_cast<size_t>(std::min<uint64_t>(out.size(), end - offset_));
  if (count == 0) return 0;
  RETURN_IF_ERROR(source_.Read(offset_, out.first(count)));
  offset_ += count;
  return count;
}

}  // namespace batuta::secrets
