#include "daemon/secrets/snappy_stream.h"

#include <algorithm>
#include <cstring>

#include "common/status/status.h"

namespace batuta::secrets {
namespace {

constexpr size_t kInBytes = 64 << 10;
constexpr size_t kWindowBytes = 64 << 10;
constexpr size_t kStepBytes = 64 << 10;  // unpacked before the reader is served

}  // namespace

absl::StatusOr<bool> SnappyStream::Fill() {
  if (in_at_ < in_.size()) return true;
  in_.resize(kInBytes);
  ASSIGN_OR_RETURN(const size_t count, packed_.Read(in_));
  in_.resize(count);
  in_at_ = 0;
  return count > 0;
}

absl::StatusOr<uint32_t> SnappyStream::Number(int bytes) {
  uint32_t number = 0;
  for (int i = 0; i < bytes; ++i) {
    ASSIGN_OR_RETURN(const bool has_more, Fill());
    if (!has_more) {
      at_end_ = true;
      return 0;
    }
    number |= static_cast<uint32_t>(static_cast<unsigned char>(in_[in_at_++])) << (8 * i);
  }
  return number;
}

void SnappyStream::CopyBack(size_t length, size_t distance) {
  if (distance == 0 || distance > out_.size()) {
    at_end_ = true;
    return;
  }
  // What is copied may reach into itself: then it repeats.
  size_t from = out_.size() - distance;
  while (length > 0) {
    const size_t part = std::min(length, out_.size() - from);
    out_.append(out_, from, part);
    from += part;
    length -= part;
  }
}

absl::Status SnappyStream::CopyLiteral() {
  ASSIGN_OR_RETURN(const bool has_more, Fill());
  at_end_ = !has_more;
  const size_t part = std::min(literal_, in_.size() - in_at_);
  out_.append(in_, in_at_, part);
  in_at_ += part;
  literal_ -= part;
  return absl::OkStatus();
}

absl::Status SnappyStream::UnpackElement() {
  if (literal_ > 0) return CopyLiteral();
  ASSIGN_OR_RETURN(const bool has_more, Fill());
  at_end_ = !has_more;
  if (at_end_) return absl::OkStatus();
  const auto tag = static_cast<unsigned char>(in_[in_at_++]);
  const size_t high = tag >> 2;
  switch (tag & 3) {
    case 0: {
      literal_ = high + 1;
      if (high >= 60) {
        ASSIGN_OR_RETURN(const uint32_t length, Number(static_cast<int>(high) - 59));
        literal_ = size_t{length} + 1;
      }
      return absl::OkStatus();
    }
    case 1: {
      ASSIGN_OR_RETURN(const uint32_t low, Number(1));
      CopyBack((high & 7) + 4, (high >> 3 << 8) | low);
      return absl::OkStatus();
    }
    default: {
      ASSIGN_OR_RETURN(const uint32_t distance, Number((tag & 3) == 2 ? 2 : 4));
      CopyBack(high + 1, distance);
      return absl::OkStatus();
    }
  }
}

absl::Status SnappyStream::Unpack() {
  if (!has_begun_) {
    // How long it is: a number of seven bits a byte.
    has_begun_ = true;
    uint32_t byte = 0x80;
    for (int i = 0; i < 5 && (byte & 0x80) != 0 && !at_end_; ++i) {
      ASSIGN_OR_RETURN(byte, Number(1));
    }
  }
  if (out_.size() > 2 * kWindowBytes) {
    const size_t passed = out_.size() - kWindowBytes;
    out_.erase(0, passed);
    given_ -= passed;
  }
  const size_t wanted = out_.size() + kStepBytes;
  while (!at_end_ && out_.size() < wanted) RETURN_IF_ERROR(UnpackElement());
  return absl::OkStatus();
}

absl::StatusOr<size_t> SnappyStream::Read(std::span<char> out) {
  while (given_ == out_.size() && !at_end_) RETURN_IF_ERROR(Unpack());
  const size_t count = std::min(out.size(), out_.size() - given_);
  std::memcpy(out.data(), out_.data() + given_, count);
  given_ += count;
  return count;
}

}  // namespace batuta::secrets
