#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"

namespace batuta::secrets {

// Bytes from the beginning to the end, once. Used by one thread; may block.
class Stream {
 public:
  virtual ~Stream() = default;

  // Some of `out`, at least one byte; none only at the end.
  virtual absl::StatusOr<size_t> Read(std::span<char> out) = 0;
};

// A source, or the first `limit_bytes` of it. Borrowed.
class SourceStream final : public Stream {
 public:
  explicit SourceStream(safety::ByteSource& source, uint64_t limit_bytes = UINT64_MAX);

  absl::StatusOr<size_t> Read(std::span<char> out) override;

  uint64_t offset() const { return offset_; }

  // From 0 to the end of what it gives.
  void Seek(uint64_t offset) { offset_ = offset; }

  uint64_t size_bytes() const { return size_bytes_; }

 private:
  safety::ByteSource& source_;
  uint64_t size_bytes_;
  uint64_t offset_ = 0;
};

// Another stream with its beginning looked at before. `rest` is borrowed.
class HeadedStream final : public Stream {
 public:
  // Reads up to `head_bytes`.
  static absl::StatusOr<HeadedStream> Create(Stream& rest, size_t head_bytes);

  std::string_view head() const { return head_; }

  bool has_more() const { return has_more_; }

  absl::StatusOr<size_t> Read(std::span<char> out) override;

 private:
  HeadedStream(Stream& rest, std::string head, bool has_more)
      : rest_(&rest), head_(std::move(head)), has_more_(has_more) {}

  Stream* rest_;
  std::string head_;
  size_t used_ = 0;
  bool has_more_;
};

// UTF-16 as UTF-8. `raw` is borrowed.
class Utf16Stream final : public Stream {
 public:
  Utf16Stream(Stream& raw, bool is_big_endian) : raw_(raw), is_big_endian_(is_big_endian) {}

  absl::StatusOr<size_t> Read(std::span<char> out) override;

 private:
  Stream& raw_;
  bool is_big_endian_;
  std::string pending_;  // of `raw_`, less than a character
  std::string ready_;
  size_t used_ = 0;
};

}  // namespace batuta::secrets
