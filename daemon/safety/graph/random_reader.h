#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"

#include "daemon/safety/base/byte_source.h"

namespace batuta::safety {

// Reads here and there in a source, for formats that are a web of offsets. Keeps some pages, so that
// following many offsets costs few reads, and one far away costs a page and not a buffer. Numbers are
// little-endian.
class RandomReader {
 public:
  static constexpr size_t kPageBytes = 4 << 10;
  static constexpr size_t kPages = 32;

  explicit RandomReader(ByteSource& source);

  uint64_t size_bytes() const { return size_bytes_; }

  // False when the source ends before that, or when reading failed: status() tells the two apart.
  bool Read(uint64_t offset, std::span<char> out);

  template <std::unsigned_integral Number>
  bool Read(uint64_t offset, Number& out) {
    static_assert(std::endian::native == std::endian::little);
    char bytes[sizeof(Number)];
    if (!Read(offset, std::span<char>(bytes))) return false;
    std::memcpy(&out, bytes, sizeof(Number));
    return true;
  }

  // `count` bytes instead of what was in `out`. The caller bounds `count`.
  bool Read(uint64_t offset, uint64_t count, std::string& out);

  // Not OK when reading failed; then every later read fails too.
  const absl::Status& status() const { return status_; }

 private:
  struct Page {
    uint64_t begin = 0;
    size_t size = 0;  // 0: holds nothing
    char bytes[kPageBytes];
  };

  bool ReadInPage(uint64_t offset, std::span<char> out);
  bool ReadDirectly(uint64_t offset, std::span<char> out);

  ByteSource& source_;
  uint64_t size_bytes_;
  std::unique_ptr<Page[]> pages_;
  absl::Status status_;
};

}  // namespace batuta::safety
