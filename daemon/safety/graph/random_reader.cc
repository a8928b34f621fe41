#include "daemon/safety/graph/random_reader.h"

#include <algorithm>

namespace batuta::safety {

RandomReader::RandomReader(ByteSource& source)
    : source_(source), size_bytes_(source.size_bytes()), pages_(new Page[kPages]) {}

bool RandomReader::Read(uint64_t offset, std::span<char> out) {
  if (!status_.ok() || offset > size_bytes_ || out.size() > size_bytes_ - offset) return false;
  if (out.size() >= kPageBytes) return ReadDirectly(offset, out);
  while (!out.empty()) {
    const size_t count = std::min<size_t>(out.size(), kPageBytes - offset % kPageBytes);
    if (!ReadInPage(offset, out.first(count))) return false;
    out = out.subspan(count);
    offset += count;
  }
  return true;
}

bool RandomReader::Read(uint64_t offset, uint64_t count, std::string& out) {
  if (offset > size_bytes_ || count > size_bytes_ - offset) return false;
  out.resize(count);
  return Read(offset, std::span<char>(out));
}

bool RandomReader::ReadInPage(uint64_t offset, std::span<char> out) {
  Page& page = pages_[offset / kPageBytes % kPages];
  const uint64_t begin = offset - offset % kPageBytes;
  if (page.size == 0 || page.begin != begin) {
    page.begin = begin;
    page.size = static_cast<size_t>(std::min<uint64_t>(kPageBytes, size_bytes_ - begin));
    const absl::Status status = source_.Read(begin, {page.bytes, page.size});
    if (!status.ok()) {
      page.size = 0;
      // Where only some bytes are here, those that are needed may be.
      return ReadDirectly(offset, out);
    }
  }
  std::memcpy(out.data(), page.bytes + (offset - begin), out.size());
  return true;
}

bool RandomReader::ReadDirectly(uint64_t offset, std::span<char> out) {
  status_ = source_.Read(offset, out);
  return status_.ok();
}

}  // namespace batuta::safety
