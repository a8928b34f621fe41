#include "daemon/safety/pickle/code_reader.h"

#include <algorithm>

namespace batuta::safety::pickle {

std::string_view CodeReader::Ahead(size_t count) {
  count = static_cast<size_t>(std::min<uint64_t>(count, left_bytes()));
  return Need(count) ? std::string_view(here_, count) : std::string_view();
}

bool CodeReader::Skip(uint64_t count) {
  if (count <= static_cast<uint64_t>(end_ - here_)) {
    here_ += count;
    return true;
  }
  if (count > left_bytes()) return false;
  Release();
  if (!reader_.Skip(count)) return false;
  base_ += count;
  return true;
}

bool CodeReader::Line(std::string_view& line) {
  size_t looked = 0;
  while (looked <= kLongestLine) {
    if (!Need(looked + 1)) {
      // One machine takes what is left for a line, less its last byte, before it sees that nothing follows.
      if (!status().ok() || looked == 0 || !Need(looked)) return false;
      line = Take(looked).substr(0, looked - 1);
      return true;
    }
    const auto here = static_cast<size_t>(end_ - here_);
    const void* newline = std::memchr(here_ + looked, '\n', here - looked);
    if (newline != nullptr) {
      const auto length = static_cast<size_t>(static_cast<const char*>(newline) - here_);
      line = Take(length);
      ++here_;
      return true;
    }
    looked = here;
  }
  // The view would not survive looking for the end of it, and nobody wants more than that it is too long.
  static constexpr char kTooLong[kLongestLine + 1] = {};
  line = std::string_view(kTooLong, sizeof kTooLong);
  while (Need(1)) {
    const void* newline = std::memchr(here_, '\n', static_cast<size_t>(end_ - here_));
    here_ = newline == nullptr ? end_ : static_cast<const char*>(newline) + 1;
    if (newline != nullptr) return true;
  }
  return status().ok();
}

bool CodeReader::OpenFrame(uint64_t count) {
  if (!LeaveFrame() || count > left_bytes()) return false;
  in_frame_ = true;
  frame_end_ = offset() + count;
  MarkFrame();
  return true;
}

bool CodeReader::CloseFrame() {
  if (in_frame_ && offset() > frame_end_) return false;
  if (in_frame_ && offset() == frame_end_) LeaveFrame();
  return true;
}

bool CodeReader::LeaveFrame() {
  if (in_frame_ && offset() != frame_end_) return false;
  in_frame_ = false;
  MarkFrame();
  return true;
}

void CodeReader::Release() {
  if (here_ != begin_) reader_.Skip(static_cast<uint64_t>(here_ - begin_));
  See("");
}

bool CodeReader::Refill(size_t count) {
  Release();
  if (reader_.Peek(count).size() < count) return false;
  See(reader_.Window());
  return true;
}

void CodeReader::See(std::string_view window) {
  base_ = offset();
  begin_ = here_ = window.data();
  end_ = begin_ + window.size();
  MarkFrame();
}

void CodeReader::MarkFrame() {
  frame_mark_ = end_;
  if (!in_frame_) return;
  const uint64_t left = frame_end_ - std::min(frame_end_, base_);
  frame_mark_ = begin_ + std::min<uint64_t>(left, static_cast<uint64_t>(end_ - begin_));
}

}  // namespace batuta::safety::pickle
