#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/secrets/parquet.h"
#include "daemon/secrets/stream.h"

namespace batuta::secrets {

struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// Where a Parquet file holds numbers and nothing else, in the order of the file: values that are neither
// packed nor coded, as many as their page says. Headers of pages, levels, and all that does not add up is not
// there; nor is what is too short to be worth it. Reads the headers of pages.
absl::StatusOr<std::vector<ByteRange>> NumberRanges(safety::ByteSource& file,
                                                    std::vector<NumberChunk> chunks);

// A source without some ranges, which are in order and apart: a zero stands for each, so that what is before
// and behind it does not become one. Both are borrowed.
class SparseStream final : public Stream {
 public:
  SparseStream(safety::ByteSource& source, const std::vector<ByteRange>& left_out)
      : source_(source), left_out_(left_out) {}

  absl::StatusOr<size_t> Read(std::span<char> out) override;

 private:
  safety::ByteSource& source_;
  const std::vector<ByteRange>& left_out_;
  size_t next_ = 0;  // of those
  uint64_t offset_ = 0;
};

}  // namespace batuta::secrets
