#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/byte_source.h"

namespace batuta::safety {

// A cursor over a source with one buffer. A read that fails, because the bytes end or cannot be read, says
// false, moves nothing, and so does every later one: a parser tests where it decides, and tells the two apart
// by status(). Numbers are little-endian.
class ByteReader {
 public:
  static constexpr size_t kBufferBytes = 64 << 10;

  explicit ByteReader(ByteSource& source, uint64_t offset = 0);

  uint64_t size_bytes() const { return size_bytes_; }

  uint64_t offset() const { return begin_ + cursor_; }

  uint64_t left_bytes() const { return size_bytes_ - offset(); }

  bool at_end() const { return left_bytes() == 0; }

  // Not OK when reading failed; OK when the bytes merely ended.
  const absl::Status& status() const { return status_; }

  bool failed() const { return failed_; }

  template <std::unsigned_integral Number>
  bool Next(Number& out) {
    static_assert(std::endian::native == std::endian::little);
    char bytes[sizeof(Number)];
    if (!Next(std::span<char>(bytes))) return false;
    std::memcpy(&out, bytes, sizeof(Number));
    return true;
  }

  bool Next(std::span<char> out) {
    if (failed_) return false;
    if (end_ - cursor_ >= out.size()) {
      std::memcpy(out.data(), buffer_.get() + cursor_, out.size());
      cursor_ += out.size();
      return true;
    }
    return NextSlowly(out);
  }

  // The next `count` bytes appended to `out`. The caller bounds `count`.
  bool Append(uint64_t count, std::string& out);

  // Up to `count` bytes (≤ kBufferBytes) from here, without moving; fewer only at the end of the source or
  // after a failure. Valid until the next call.
  std::string_view Peek(size_t count);

  // What of the buffer lies ahead, filled when it was used up; empty only at the end or after a failure. For
  // loops that look at every byte; Skip() what was used. Valid until the next call.
  std::string_view Window();

  bool Skip(uint64_t count);

  // Anywhere from 0 to size_bytes().
  bool Seek(uint64_t offset);

 private:
  std::string_view Buffered() const { return {buffer_.get() + cursor_, end_ - cursor_}; }

  bool NextSlowly(std::span<char> out);
  bool Fail();

  ByteSource& source_;
  uint64_t size_bytes_;
  std::unique_ptr<char[]> buffer_;
  uint64_t begin_;     // of the buffer, in the source
  size_t cursor_ = 0;  // in the buffer
  size_t end_ = 0;     // of what is in the buffer
  bool failed_ = false;
  absl::Status status_;
};

}  // namespace batuta::safety
