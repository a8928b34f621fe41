#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "daemon/safety/base/byte_source.h"
#include "daemon/secrets/parquet.h"
#include "daemon/secrets/stream.h"

namespace batuta::secrets {

// The values of a text column, a line end behind each: those of a dictionary once, others in the order of the
// rows. Memory is some hundred kilobytes, however large pages and values are.
class ColumnStream final : public Stream {
 public:
  // Both borrowed.
  ColumnStream(safety::ByteSource& file, const TextColumn& column);
  ~ColumnStream() override;

  absl::StatusOr<size_t> Read(std::span<char> out) override;

  // Why some of it could not be read, for a person; empty: all was.
  const std::string& problem() const { return problem_; }

 private:
  struct Page;

  absl::Status ReadMore();
  absl::Status OpenPage();
  std::unique_ptr<Stream> Unpacking(int64_t codec, Stream& packed);
  absl::Status ReadValues();
  void SplitValues(std::string_view bytes);
  void Problem(std::string why);

  safety::ByteSource& file_;
  const TextColumn& column_;
  size_t chunk_ = 0;
  uint64_t chunk_at_ = 0;  // in the chunk: where the next page begins
  std::unique_ptr<Page> page_;
  uint64_t packed_bytes_ = 0;    // of all pages that were opened
  uint64_t unpacked_bytes_ = 0;  // of them
  std::string ready_;
  size_t used_ = 0;  // of `ready_`
  std::string problem_;
};

}  // namespace batuta::secrets
