#include "daemon/gguf/reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace batuta::gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is little-endian");

constexpr size_t kBufferBytes = 64 << 10;
constexpr int kDeepestArray = 4;
constexpr uint64_t kMostElements = 4 << 20;
constexpr uint64_t kMostTextBytes = 16 << 20;

// A whole number or a boolean as it is kept; a u64 beyond int64_t is its largest.
template <typename Number>
absl::StatusOr<int64_t> NextWhole(Stream& stream) {
  ASSIGN_OR_RETURN(const Number value, stream.Next<Number>());
  if constexpr (std::is_same_v<Number, uint64_t>) {
    constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    return static_cast<int64_t>(std::min(value, kMost));
  }
  return static_cast<int64_t>(value);
}

bool IsWhole(ValueType type) {
  switch (type) {
    case ValueType::kF32:
    case ValueType::kF64:
    case ValueType::kString:
    case ValueType::kArray:
      return false;
    default:
      return true;
  }
}

absl::StatusOr<int64_t> NextWhole(Stream& stream, ValueType type) {
  switch (type) {
    case ValueType::kU8:
      return NextWhole<uint8_t>(stream);
    case ValueType::kI8:
      return NextWhole<int8_t>(stream);
    case ValueType::kU16:
      return NextWhole<uint16_t>(stream);
    case ValueType::kI16:
      return NextWhole<int16_t>(stream);
    case ValueType::kU32:
      return NextWhole<uint32_t>(stream);
    case ValueType::kI32:
      return NextWhole<int32_t>(stream);
    case ValueType::kU64:
      return NextWhole<uint64_t>(stream);
    case ValueType::kI64:
      return NextWhole<int64_t>(stream);
    case ValueType::kBool: {
      ASSIGN_OR_RETURN(const uint8_t value, stream.Next<uint8_t>());
      return value != 0 ? 1 : 0;
    }
    default:
      return Malformed("no whole number");
  }
}

}  // namespace

absl::Status Malformed(std::string_view what) {
  return absl::DataLossError(fmt::format("not a usable GGUF header: {}", what));
}

absl::Status TooLarge(std::string_view what) {
  return absl::ResourceExhaustedError(fmt::format("GGUF header: {}", what));
}

Stream::Stream(ByteSource& source, uint64_t limit_bytes)
    : source_(source), size_bytes_(source.size_bytes()), limit_bytes_(limit_bytes), buffer_(kBufferBytes) {}

absl::Status Stream::Read(std::span<std::byte> out) {
  RETURN_IF_ERROR(Check(out.size()));
  while (!out.empty()) {
    if (offset_ < buffer_begin_ || offset_ >= buffer_begin_ + buffered_) {
      const auto wanted = static_cast<size_t>(std::min<uint64_t>(buffer_.size(), left_bytes()));
      buffered_ = 0;
      ASSIGN_OR_RETURN(buffered_, source_.ReadAt(offset_, std::span(buffer_).first(wanted)));
      buffer_begin_ = offset_;
      if (buffered_ == 0) return Malformed("it ends too early");
    }
    const auto from = static_cast<size_t>(offset_ - buffer_begin_);
    const size_t count = std::min(out.size(), buffered_ - from);
    std::memcpy(out.data(), buffer_.data() + from, count);
    out = out.subspan(count);
    offset_ += count;
  }
  return absl::OkStatus();
}

absl::Status Stream::Skip(uint64_t bytes) {
  RETURN_IF_ERROR(Check(bytes));
  offset_ += bytes;
  return absl::OkStatus();
}

absl::Status Stream::CheckCount(uint64_t count, uint64_t least_bytes, std::string_view what) const {
  if (count > left_bytes() / least_bytes)
    return Malformed(fmt::format("more {} than the file has room for", what));
  return absl::OkStatus();
}

absl::Status Stream::Check(uint64_t bytes) const {
  if (bytes > left_bytes()) return Malformed("it ends too early");
  if (bytes > limit_bytes_ - offset_) return TooLarge(fmt::format("longer than {} bytes", limit_bytes_));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Reader::ReadHead(Metadata* metadata) {
  ASSIGN_OR_RETURN(const uint32_t magic, stream_.Next<uint32_t>());
  if (magic != kMagic) return Malformed("no magic bytes");
  ASSIGN_OR_RETURN(metadata->version, stream_.Next<uint32_t>());
  if ((metadata->version & 0xFFFFU) == 0) return Malformed("big-endian");
  if (metadata->version < 2 || metadata->version > 3) {
    return Malformed(fmt::format("version {}", metadata->version));
  }
  ASSIGN_OR_RETURN(metadata->tensor_count, stream_.Next<uint64_t>());
  ASSIGN_OR_RETURN(const uint64_t key_count, stream_.Next<uint64_t>());
  RETURN_IF_ERROR(stream_.CheckCount(metadata->tensor_count, kLeastTensorBytes, "tensors"));
  RETURN_IF_ERROR(stream_.CheckCount(key_count, kLeastPairBytes, "keys"));
  if (key_count > limits_.key_count) return TooLarge(fmt::format("more than {} keys", limits_.key_count));
  return key_count;
}

absl::StatusOr<Reader::Key> Reader::NextKey() {
  ASSIGN_OR_RETURN(const uint64_t length, stream_.Next<uint64_t>());
  if (length == 0 || length > kMostKeyBytes) return Malformed("a key is empty or too long");
  Key key;
  ASSIGN_OR_RETURN(key.name, NextText(length));
  ASSIGN_OR_RETURN(key.type, NextType());
  return key;
}

absl::StatusOr<Value> Reader::NextValue(const Key& key) {
  RETURN_IF_ERROR(Keep(key.name.size()));
  switch (key.type) {
    case ValueType::kF32: {
      ASSIGN_OR_RETURN(const float value, stream_.Next<float>());
      return Value(static_cast<double>(value));
    }
    case ValueType::kF64: {
      ASSIGN_OR_RETURN(const double value, stream_.Next<double>());
      return Value(value);
    }
    case ValueType::kU64: {
      ASSIGN_OR_RETURN(const uint64_t value, stream_.Next<uint64_t>());
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return Value(value);
      return Value(static_cast<int64_t>(value));
    }
    case ValueType::kString: {
      ASSIGN_OR_RETURN(const uint64_t length, stream_.Next<uint64_t>());
      ASSIGN_OR_RETURN(std::string text, NextText(length));
      RETURN_IF_ERROR(Keep(text.size()));
      return Value(std::move(text));
    }
    case ValueType::kArray:
      return NextArray();
    default:
      break;
  }
  ASSIGN_OR_RETURN(const int64_t number, NextWhole(stream_, key.type));
  if (key.type == ValueType::kBool) return Value(number != 0);
  return Value(number);
}

absl::StatusOr<Reader::ArrayHead> Reader::NextArrayHead() {
  ArrayHead head;
  ASSIGN_OR_RETURN(head.type, NextType());
  ASSIGN_OR_RETURN(head.count, stream_.Next<uint64_t>());
  RETURN_IF_ERROR(stream_.CheckCount(head.count, LeastBytes(head.type), "elements"));
  if (head.count > kMostElements) return TooLarge(fmt::format("an array of {} elements", head.count));
  return head;
}

absl::StatusOr<ValueType> Reader::NextType() {
  ASSIGN_OR_RETURN(const uint32_t type, stream_.Next<uint32_t>());
  if (type >= kValueTypeCount) return Malformed(fmt::format("value type {}", type));
  return static_cast<ValueType>(type);
}

absl::StatusOr<std::string> Reader::NextText(uint64_t length) {
  if (length > stream_.left_bytes()) return Malformed("a text is longer than the file");
  if (length > limits_.text_bytes) return TooLarge(fmt::format("a text of {} bytes", length));
  std::string text(static_cast<size_t>(length), '\0');
  RETURN_IF_ERROR(stream_.Read(std::as_writable_bytes(std::span(text))));
  return text;
}

absl::StatusOr<Value> Reader::NextArray() {
  ASSIGN_OR_RETURN(const ArrayHead head, NextArrayHead());
  Array array{static_cast<uint32_t>(head.type), head.count};
  if (!IsWhole(head.type) || head.count > limits_.kept_elements) {
    RETURN_IF_ERROR(SkipElements(head, 0));
    return Value(std::move(array));
  }
  RETURN_IF_ERROR(Keep(head.count * sizeof(int64_t)));
  for (uint64_t i = 0; i < head.count; ++i) {
    ASSIGN_OR_RETURN(const int64_t element, NextWhole(stream_, head.type));
    array.elements.push_back(element);
  }
  return Value(std::move(array));
}

absl::Status Reader::SkipValue(ValueType type, int depth) {
  if (type == ValueType::kArray) return SkipArray(depth);
  if (type != ValueType::kString) return stream_.Skip(FixedBytes(type));
  ASSIGN_OR_RETURN(const uint64_t length, stream_.Next<uint64_t>());
  if (length > stream_.left_bytes()) return Malformed("a text is longer than the file");
  if (length > kMostTextBytes) return TooLarge(fmt::format("a text of {} bytes", length));
  return stream_.Skip(length);
}

absl::Status Reader::SkipArray(int depth) {
  if (depth >= kDeepestArray) return Malformed("arrays within arrays");
  ASSIGN_OR_RETURN(const ArrayHead head, NextArrayHead());
  return SkipElements(head, depth);
}

absl::Status Reader::SkipElements(const ArrayHead& head, int depth) {
  if (const uint64_t bytes = FixedBytes(head.type); bytes > 0) return stream_.Skip(head.count * bytes);
  for (uint64_t i = 0; i < head.count; ++i) RETURN_IF_ERROR(SkipValue(head.type, depth + 1));
  return absl::OkStatus();
}

absl::Status Reader::Keep(uint64_t bytes) {
  kept_bytes_ += bytes;
  if (kept_bytes_ > limits_.kept_bytes) return TooLarge("too much text");
  return absl::OkStatus();
}

}  // namespace batuta::gguf
