#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/safety/base/byte_source.h"

// Where text and numbers stand in a Parquet file, by what the file says of itself.
namespace batuta::secrets {

// How pages are packed and values written, by the numbers that Parquet gives them.
enum class ParquetCodec : int64_t { kNone = 0, kSnappy = 1, kGzip = 2, kZstd = 6 };
enum class ParquetCoding : int64_t { kPlain = 0, kPlainDictionary = 2, kDictionary = 8 };

// The pages of a column in one group of rows.
struct ColumnChunk {
  uint64_t offset = 0;  // in the file
  uint64_t size_bytes = 0;
  int64_t codec = 0;
};

// A column of strings or other bytes of any length.
struct TextColumn {
  std::string name;      // "messages.list.element.content"
  int level_blocks = 0;  // that stand before the values of an older page
  std::vector<ColumnChunk> chunks = {};
};

// The pages of a column of numbers, all of the same size, in one group of rows.
struct NumberChunk {
  ColumnChunk place;
  int level_blocks = 0;  // as of text
  uint64_t width_bytes = 0;
  uint64_t values = 0;  // missing ones too
};

struct ParquetDescription {
  std::vector<TextColumn> texts;
  std::vector<NumberChunk> numbers;  // none where any two chunks of the file overlap
};

// In the order of the file. Nothing for what is no Parquet file, or one whose description makes no sense.
// Reads the description, at most 16 MiB.
std::optional<ParquetDescription> DescribeParquet(safety::ByteSource& file, std::string_view head);

struct ParquetPage {
  enum class Kind { kData, kDictionary, kOther };

  Kind kind = Kind::kOther;
  uint64_t header_bytes = 0;
  uint64_t packed_bytes = 0;  // behind the header
  uint64_t size_bytes = 0;    // unpacked
  int64_t coding = 0;
  uint64_t values = 0;
  uint64_t level_bytes = 0;  // of a newer page: before the values, and not packed
  bool is_newer = false;
  bool is_packed = true;
};

// `bytes` begin with its header. Nothing when they make no sense, or end too early.
std::optional<ParquetPage> ReadParquetPage(std::string_view bytes);

}  // namespace batuta::secrets
