#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace batuta::safety {

// Goes through bytes in memory from the first to the last. What does not fit says false and moves nothing.
// Numbers are little-endian.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  size_t offset() const { return at_; }

  size_t left_bytes() const { return bytes_.size() - at_; }

  template <std::unsigned_integral Number>
  bool Next(Number& out) {
    static_assert(std::endian::native == std::endian::little);
    if (left_bytes() < sizeof(Number)) return false;
    std::memcpy(&out, bytes_.data() + at_, sizeof(Number));
    at_ += sizeof(Number);
    return true;
  }

  bool Next(uint64_t count, std::string_view& out) {
    if (left_bytes() < count) return false;
    out = bytes_.substr(at_, static_cast<size_t>(count));
    at_ += static_cast<size_t>(count);
    return true;
  }

  // A number of 1, 2, 4 or 8 bytes.
  bool NextSized(size_t width, uint64_t& out) {
    if (left_bytes() < width || width > sizeof out) return false;
    out = 0;
    std::memcpy(&out, bytes_.data() + at_, width);
    at_ += width;
    return true;
  }

  bool Skip(uint64_t count) {
    std::string_view skipped;
    return Next(count, skipped);
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace batuta::safety
