#include "daemon/secrets/stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/status/status.h"
#include "daemon/secrets/encoding.h"

namespace batuta::secrets {

SourceStream::SourceStream(safety::ByteSource& source, uint64_t limit_bytes)
    : source_(source), size_bytes_(std::min(source.size_bytes(), limit_bytes)) {}

absl::StatusOr<size_t> SourceStream::Read(std::span<char> out) {
  const size_t count =
      static_cast<size_t>(std::min<uint64_t>(out.size(), size_bytes_ - std::min(offset_, size_bytes_)));
  if (count == 0) return 0;
  RETURN_IF_ERROR(source_.Read(offset_, out.first(count)));
  offset_ += count;
  return count;
}

absl::StatusOr<HeadedStream> HeadedStream::Create(Stream& rest, size_t head_bytes) {
  std::string head(head_bytes, '\0');
  size_t filled = 0;
  bool has_more = true;
  while (filled < head_bytes && has_more) {
    ASSIGN_OR_RETURN(const size_t count, rest.Read(std::span(head).subspan(filled)));
    filled += count;
    has_more = count > 0;
  }
  head.resize(filled);
  return HeadedStream(rest, std::move(head), has_more);
}

absl::StatusOr<size_t> HeadedStream::Read(std::span<char> out) {
  if (used_ == head_.size()) return has_more_ ? rest_->Read(out) : absl::StatusOr<size_t>(0);
  const size_t count = std::min(out.size(), head_.size() - used_);
  std::memcpy(out.data(), head_.data() + used_, count);
  used_ += count;
  return count;
}

absl::StatusOr<size_t> Utf16Stream::Read(std::span<char> out) {
  while (used_ == ready_.size()) {
    char raw[64 << 10];
    ASSIGN_OR_RETURN(const size_t count, raw_.Read(raw));
    if (count == 0) return 0;
    pending_.append(raw, count);
    // A pair of surrogates stays together.
    size_t whole = pending_.size() / 2 * 2;
    if (whole >= 2) {
      const auto high = static_cast<unsigned char>(pending_[whole - (is_big_endian_ ? 2 : 1)]);
      if (high >= 0xD8 && high < 0xDC) whole -= 2;
    }
    ready_ = Utf16ToUtf8(std::string_view(pending_).substr(0, whole), is_big_endian_);
    pending_.erase(0, whole);
    used_ = 0;
  }
  const size_t count = std::min(out.size(), ready_.size() - used_);
  std::memcpy(out.data(), ready_.data() + used_, count);
  used_ += count;
  return count;
}

}  // namespace batuta::secrets
