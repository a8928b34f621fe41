#include "daemon/safety/base/byte_reader.h"

namespace batuta::safety {

ByteReader::ByteReader(ByteSource& source, uint64_t offset)
    : source_(source),
      size_bytes_(source.size_bytes()),
      buffer_(new char[static_cast<size_t>(std::min<uint64_t>(kBufferBytes, source.size_bytes()))]),
      begin_(std::min(offset, size_bytes_)) {
  if (offset > size_bytes_) failed_ = true;
}

std::string_view ByteReader::Window() {
  if (cursor_ < end_) return Buffered();
  // One byte is asked for, so that a source with only some bytes here gives those.
  Peek(1);
  return Buffered();
}

std::string_view ByteReader::Peek(size_t count) {
  if (failed_) return {};
  count = static_cast<size_t>(std::min<uint64_t>(count, left_bytes()));
  if (end_ - cursor_ < count) {
    // What is here already is kept, so that nothing is read twice.
    const size_t kept = end_ - cursor_;
    std::memmove(buffer_.get(), buffer_.get() + cursor_, kept);
    begin_ += cursor_;
    cursor_ = 0;
    end_ = kept;
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(kBufferBytes, size_bytes_ - begin_)) - kept;
    status_ = source_.Read(begin_ + kept, {buffer_.get() + kept, wanted});
    if (absl::IsOutOfRange(status_) && kept + wanted > count) {
      // Where only some bytes are here, those that are needed may be.
      wanted = count - kept;
      status_ = source_.Read(begin_ + kept, {buffer_.get() + kept, wanted});
    }
    if (!status_.ok()) {
      failed_ = true;
      return {};
    }
    end_ += wanted;
  }
  return Buffered().substr(0, count);
}

bool ByteReader::Append(uint64_t count, std::string& out) {
  if (failed_ || left_bytes() < count) return Fail();
  while (count > 0) {
    std::string_view here = Window();
    if (here.empty()) return false;
    here = here.substr(0, static_cast<size_t>(std::min<uint64_t>(count, here.size())));
    out.append(here);
    cursor_ += here.size();
    count -= here.size();
  }
  return true;
}

bool ByteReader::Skip(uint64_t count) {
  if (failed_ || left_bytes() < count) return Fail();
  return Seek(offset() + count);
}

bool ByteReader::Seek(uint64_t offset) {
  if (failed_ || offset > size_bytes_) return Fail();
  if (offset >= begin_ && offset <= begin_ + end_) {
    cursor_ = static_cast<size_t>(offset - begin_);
  } else {
    begin_ = offset;
    cursor_ = 0;
    end_ = 0;
  }
  return true;
}

bool ByteReader::NextSlowly(std::span<char> out) {
  if (left_bytes() < out.size()) return Fail();
  while (!out.empty()) {
    const std::string_view here = Window();
    if (here.empty()) return false;
    const size_t count = std::min(out.size(), here.size());
    std::memcpy(out.data(), here.data(), count);
    cursor_ += count;
    out = out.subspan(count);
  }
  return true;
}

bool ByteReader::Fail() {
  failed_ = true;
  return false;
}

}  // namespace batuta::safety
