#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "daemon/safety/base/byte_reader.h"

namespace batuta::safety::pickle {

// The opcodes of a pickle and their arguments, read through the reader's own buffer; and the frame they stand
// in. A read that fails says false and moves nothing.
class CodeReader {
 public:
  explicit CodeReader(ByteReader& reader) : reader_(reader), base_(reader.offset()) { See(""); }

  uint64_t offset() const { return base_ + static_cast<uint64_t>(here_ - begin_); }

  uint64_t left_bytes() const { return reader_.size_bytes() - offset(); }

  // Not OK when reading failed; OK when the bytes merely ended.
  const absl::Status& status() const { return reader_.status(); }

  // Are `count` bytes here? At most ByteReader::kBufferBytes.
  bool Need(size_t count) { return static_cast<size_t>(end_ - here_) >= count || Refill(count); }

  // These follow on a Need() that said yes.
  uint8_t Byte() { return static_cast<uint8_t>(*here_++); }

  template <typename Number>
  Number Little() {
    Number number;
    std::memcpy(&number, here_, sizeof(Number));
    here_ += sizeof(Number);
    return number;
  }

  std::string_view Take(size_t count) {
    const std::string_view taken(here_, count);
    here_ += count;
    return taken;
  }

  // Up to `count` bytes (at most ByteReader::kBufferBytes) without moving; fewer only where they end.
  std::string_view Ahead(size_t count);

  bool Skip(uint64_t count);

  // The bytes up to a newline or the end, and behind it. Of a line longer than kLongestLine the rest is
  // passed over, and `line` is that much of it and one byte more.
  static constexpr size_t kLongestLine = 4 << 10;
  bool Line(std::string_view& line);

  // A frame of `count` bytes begins here. False when another one has not ended or it reaches beyond the end.
  bool OpenFrame(uint64_t count);

  // False when an opcode crossed the end of its frame. Asked between opcodes.
  bool KeepsFrame() { return here_ < frame_mark_ || CloseFrame(); }

  // Leaves the frame that ends here; false when one is open that does not.
  bool LeaveFrame();

  // Leaves the reader where this one stands, and gives up its buffer.
  void Release();

 private:
  bool Refill(size_t count);
  bool CloseFrame();
  void See(std::string_view window);
  void MarkFrame();

  ByteReader& reader_;
  uint64_t base_;  // of begin_, in the source
  const char* begin_ = nullptr;
  const char* here_ = nullptr;
  const char* end_ = nullptr;
  const char* frame_mark_ = nullptr;  // from here on the frame must be looked at
  bool in_frame_ = false;
  uint64_t frame_end_ = 0;
};

}  // namespace batuta::safety::pickle
