#include "daemon/secrets/column_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/secrets/archive_walk.h"
#include "daemon/secrets/snappy_stream.h"

namespace batuta::secrets {
namespace {

constexpr size_t kStepBytes = 64 << 10;
constexpr size_t kHeaderBytes = 4 << 10;      // of most pages
constexpr size_t kMostHeaderBytes = 1 << 20;  // one that tells its least and its greatest value
constexpr uint64_t kFreeBytes = 16 << 20;     // before the expansion counts
constexpr uint64_t kMostExpansion = 200;

}  // namespace

// The page that is being read, from its packed bytes to its values.
struct ColumnStream::Page {
  Page(safety::ByteSource& file, uint64_t offset, uint64_t packed_bytes)
      : part(file, offset, packed_bytes), packed(part) {}

  safety::PartSource part;
  SourceStream packed;
  std::unique_ptr<Stream> unpacked;  // null: as it is
  uint64_t left_bytes = 0;           // as the page says
  int blocks_left = 0;               // that are no values
  // Of the value or block that is being read:
  char length[4] = {};
  size_t length_bytes = 0;  // of `length`
  uint64_t value_left = 0;
};

ColumnStream::ColumnStream(safety::ByteSource& file, const TextColumn& column)
    : file_(file), column_(column) {}

ColumnStream::~ColumnStream() = default;

void ColumnStream::Problem(std::string why) {
  if (problem_.empty()) problem_ = std::move(why);
}

absl::StatusOr<size_t> ColumnStream::Read(std::span<char> out) {
  while (used_ == ready_.size()) {
    if (page_ == nullptr && chunk_ == column_.chunks.size()) return 0;
    ready_.clear();
    used_ = 0;
    RETURN_IF_ERROR(page_ == nullptr ? OpenPage() : ReadValues());
  }
  const size_t count = std::min(out.size(), ready_.size() - used_);
  std::memcpy(out.data(), ready_.data() + used_, count);
  used_ += count;
  return count;
}

std::unique_ptr<Stream> ColumnStream::Unpacking(int64_t codec, Stream& packed) {
  switch (static_cast<ParquetCodec>(codec)) {
    case ParquetCodec::kSnappy:
      return std::make_unique<SnappyStream>(packed);
    case ParquetCodec::kGzip:
    case ParquetCodec::kZstd:
      return OpenCompressed(packed);
    default:
      return nullptr;
  }
}

// The next page of the column, if there is one and it has text.
absl::Status ColumnStream::OpenPage() {
  const ColumnChunk& chunk = column_.chunks[chunk_];
  const uint64_t left = chunk.size_bytes - std::min(chunk.size_bytes, chunk_at_);
  const auto next_chunk = [this] {
    ++chunk_;
    chunk_at_ = 0;
    return absl::OkStatus();
  };
  if (left == 0) return next_chunk();
  std::optional<ParquetPage> page;
  for (size_t size = kHeaderBytes; size <= kMostHeaderBytes && !page; size *= 16) {
    std::string bytes(static_cast<size_t>(std::min<uint64_t>(size, left)), '\0');
    RETURN_IF_ERROR(file_.Read(chunk.offset + chunk_at_, bytes));
    page = ReadParquetPage(bytes);
    if (bytes.size() < size) break;
  }
  if (!page || page->packed_bytes > left - std::min(left, page->header_bytes)) {
    Problem("a page makes no sense");
    return next_chunk();
  }
  const uint64_t at = chunk.offset + chunk_at_ + page->header_bytes;
  chunk_at_ += page->header_bytes + page->packed_bytes;
  if (page->kind == ParquetPage::Kind::kOther) return absl::OkStatus();
  const auto coding = static_cast<ParquetCoding>(page->coding);
  const bool is_plain = coding == ParquetCoding::kPlain || page->kind == ParquetPage::Kind::kDictionary;
  if (!is_plain) {
    // Numbers of values that the dictionary has, or a coding that nobody reads here.
    if (coding != ParquetCoding::kPlainDictionary && coding != ParquetCoding::kDictionary) {
      Problem(fmt::format("coding {} of values is not looked into", page->coding));
    }
    return absl::OkStatus();
  }
  const uint64_t levels = std::min(page->level_bytes, page->packed_bytes);
  packed_bytes_ += page->packed_bytes;
  unpacked_bytes_ += page->size_bytes;
  if (unpacked_bytes_ > kFreeBytes && unpacked_bytes_ / kMostExpansion > packed_bytes_) {
    Problem("it expands to too much");
    return absl::OkStatus();
  }
  auto opened = std::make_unique<Page>(file_, at + levels, page->packed_bytes - levels);
  const bool is_packed = page->is_packed && chunk.codec != static_cast<int64_t>(ParquetCodec::kNone);
  if (is_packed) {
    opened->unpacked = Unpacking(chunk.codec, opened->packed);
    if (opened->unpacked == nullptr) {
      Problem(fmt::format("compression {} is not looked into", chunk.codec));
      return absl::OkStatus();
    }
  }
  opened->left_bytes = page->size_bytes - std::min(page->size_bytes, levels);
  opened->blocks_left = page->kind == ParquetPage::Kind::kData && !page->is_newer ? column_.level_blocks : 0;
  page_ = std::move(opened);
  return absl::OkStatus();
}

absl::Status ColumnStream::ReadValues() {
  char bytes[kStepBytes];
  Stream& stream = page_->unpacked != nullptr ? *page_->unpacked : static_cast<Stream&>(page_->packed);
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(sizeof bytes, page_->left_bytes));
  size_t count = 0;
  if (wanted > 0) {
    ASSIGN_OR_RETURN(count, stream.Read(std::span(bytes, wanted)));
  }
  if (count == 0) {
    if (page_->left_bytes > 0) Problem("a page cannot be unpacked, or is shorter than it says");
    page_.reset();
    return absl::OkStatus();
  }
  page_->left_bytes -= count;
  SplitValues(std::string_view(bytes, count));
  return absl::OkStatus();
}

// Each value, and each block of levels before them, has four bytes of length before it.
void ColumnStream::SplitValues(std::string_view bytes) {
  Page& page = *page_;
  while (!bytes.empty()) {
    if (page.length_bytes < sizeof page.length) {
      const size_t part = std::min(bytes.size(), sizeof page.length - page.length_bytes);
      std::memcpy(page.length + page.length_bytes, bytes.data(), part);
      page.length_bytes += part;
      bytes.remove_prefix(part);
      if (page.length_bytes < sizeof page.length) return;
      uint32_t length = 0;
      std::memcpy(&length, page.length, sizeof length);
      page.value_left = length;
    }
    const std::string_view part =
        bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), page.value_left)));
    if (page.blocks_left == 0) ready_ += part;
    page.value_left -= part.size();
    bytes.remove_prefix(part.size());
    if (page.value_left > 0) return;
    if (page.blocks_left > 0) {
      --page.blocks_left;
    } else {
      ready_ += '\n';
    }
    page.length_bytes = 0;
  }
}

}  // namespace batuta::secrets
