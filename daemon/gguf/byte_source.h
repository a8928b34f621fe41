#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"

namespace batuta::gguf {

// The bytes of a file, wherever they are: on disk, in memory, or at the hub with only some windows of them
// here. One thread at a time; may block.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Of the whole file, here or not.
  virtual uint64_t size_bytes() const = 0;

  // Fills the front of `out` with the bytes from `offset` on, as many as are here, and says how many: at
  // least one. The caller begins inside size_bytes() and `out` is not empty.
  //   kOutOfRange  the byte at `offset` is not here. Readers pass this on: get bytes from there on, and read
  //                again from the beginning.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) = 0;
};

// A window of a file in memory, which must outlive it: with the default, the whole file or its beginning.
class WindowSource final : public ByteSource {
 public:
  WindowSource(std::string_view bytes, uint64_t file_bytes, uint64_t offset = 0)
      : bytes_(bytes), file_bytes_(file_bytes), offset_(offset) {}

  uint64_t size_bytes() const override { return file_bytes_; }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    if (offset < offset_ || offset - offset_ >= bytes_.size()) return absl::OutOfRangeError("not here");
    const std::string_view here = bytes_.substr(static_cast<size_t>(offset - offset_), out.size());
    std::memcpy(out.data(), here.data(), here.size());
    return here.size();
  }

 private:
  std::string_view bytes_;
  uint64_t file_bytes_;
  uint64_t offset_;
};

}  // namespace batuta::gguf
