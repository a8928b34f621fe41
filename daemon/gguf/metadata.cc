#include "daemon/gguf/metadata.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/gguf/format.h"

namespace batuta::gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is little-endian");

constexpr size_t kBufferBytes = 64 << 10;
constexpr int kDeepestArray = 4;

absl::Status Malformed(std::string_view what) {
  return absl::DataLossError(fmt::format("not a usable GGUF header: {}", what));
}

absl::Status TooLarge(std::string_view what) {
  return absl::ResourceExhaustedError(fmt::format("GGUF header: {}", what));
}

// Reads a file from its beginning to its end.
class Stream {
 public:
  Stream(File& file, uint64_t size_bytes, uint64_t limit_bytes)
      : file_(file), size_bytes_(size_bytes), limit_bytes_(limit_bytes), buffer_(kBufferBytes) {}

  uint64_t offset() const { return offset_; }

  uint64_t left_bytes() const { return size_bytes_ - offset_; }

  absl::Status Read(std::span<std::byte> out) {
    RETURN_IF_ERROR(Check(out.size()));
    while (!out.empty()) {
      if (offset_ < buffer_begin_ || offset_ >= buffer_begin_ + buffered_) {
        ASSIGN_OR_RETURN(buffered_, file_.ReadAt(offset_, buffer_));
        buffer_begin_ = offset_;
        if (buffered_ == 0) return Malformed("it ends too early");
      }
      const size_t from = static_cast<size_t>(offset_ - buffer_begin_);
      const size_t count = std::min(out.size(), buffered_ - from);
      std::memcpy(out.data(), buffer_.data() + from, count);
      out = out.subspan(count);
      offset_ += count;
    }
    return absl::OkStatus();
  }

  absl::Status Skip(uint64_t bytes) {
    RETURN_IF_ERROR(Check(bytes));
    offset_ += bytes;
    return absl::OkStatus();
  }

  template <typename Number>
  absl::StatusOr<Number> Next() {
    Number value{};
    RETURN_IF_ERROR(Read(std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }

  // `count` things of at least `least_bytes` each cannot be more than the rest of the file.
  absl::Status CheckCount(uint64_t count, uint64_t least_bytes, std::string_view what) const {
    if (count > left_bytes() / least_bytes)
      return Malformed(fmt::format("more {} than the file has room for", what));
    return absl::OkStatus();
  }

 private:
  absl::Status Check(uint64_t bytes) const {
    if (bytes > left_bytes()) return Malformed("it ends too early");
    if (bytes > limit_bytes_ - offset_) return TooLarge(fmt::format("longer than {} bytes", limit_bytes_));
    return absl::OkStatus();
  }

  File& file_;
  const uint64_t size_bytes_;
  const uint64_t limit_bytes_;
  uint64_t offset_ = 0;
  std::vector<std::byte> buffer_;
  uint64_t buffer_begin_ = 0;
  size_t buffered_ = 0;
};

class Reader {
 public:
  Reader(Stream& stream, const Limits& limits) : stream_(stream), limits_(limits) {}

  absl::StatusOr<Metadata> Read(absl::FunctionRef<bool(std::string_view)> wants) {
    Metadata metadata;
    ASSIGN_OR_RETURN(const uint64_t key_count, ReadHead(&metadata));
    std::unordered_set<std::string> seen;
    for (uint64_t i = 0; i < key_count; ++i) {
      ASSIGN_OR_RETURN(const uint64_t length, stream_.Next<uint64_t>());
      if (length == 0 || length > kMostKeyBytes) return Malformed("a key is empty or too long");
      ASSIGN_OR_RETURN(std::string key, Text(length));
      ASSIGN_OR_RETURN(const ValueType type, NextType());
      if (!wants(key)) {
        RETURN_IF_ERROR(SkipValue(type, 0));
        continue;
      }
      if (!seen.insert(key).second) return Malformed("a key comes twice");
      ASSIGN_OR_RETURN(Value value, NextValue(type));
      metadata.values.emplace(std::move(key), std::move(value));
    }
    metadata.end_offset = stream_.offset();
    return metadata;
  }

 private:
  // Answers the number of key-values.
  absl::StatusOr<uint64_t> ReadHead(Metadata* metadata) {
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

  absl::StatusOr<ValueType> NextType() {
    ASSIGN_OR_RETURN(const uint32_t type, stream_.Next<uint32_t>());
    if (type >= kValueTypeCount) return Malformed(fmt::format("value type {}", type));
    return static_cast<ValueType>(type);
  }

  absl::StatusOr<std::string> Text(uint64_t length) {
    if (length > stream_.left_bytes()) return Malformed("a text is longer than the file");
    if (length > limits_.text_bytes) return TooLarge(fmt::format("a text of {} bytes", length));
    std::string text(static_cast<size_t>(length), '\0');
    RETURN_IF_ERROR(stream_.Read(std::as_writable_bytes(std::span(text))));
    return text;
  }

  template <typename Number>
  absl::StatusOr<Value> NextNumber() {
    ASSIGN_OR_RETURN(const Number value, stream_.Next<Number>());
    if constexpr (std::is_floating_point_v<Number>) return Value(static_cast<double>(value));
    if constexpr (std::is_same_v<Number, uint64_t>) {
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return Value(value);
    }
    return Value(static_cast<int64_t>(value));
  }

  absl::StatusOr<Value> NextValue(ValueType type) {
    switch (type) {
      case ValueType::kU8:
        return NextNumber<uint8_t>();
      case ValueType::kI8:
        return NextNumber<int8_t>();
      case ValueType::kU16:
        return NextNumber<uint16_t>();
      case ValueType::kI16:
        return NextNumber<int16_t>();
      case ValueType::kU32:
        return NextNumber<uint32_t>();
      case ValueType::kI32:
        return NextNumber<int32_t>();
      case ValueType::kU64:
        return NextNumber<uint64_t>();
      case ValueType::kI64:
        return NextNumber<int64_t>();
      case ValueType::kF32:
        return NextNumber<float>();
      case ValueType::kF64:
        return NextNumber<double>();
      case ValueType::kBool: {
        ASSIGN_OR_RETURN(const uint8_t value, stream_.Next<uint8_t>());
        return Value(value != 0);
      }
      case ValueType::kString: {
        ASSIGN_OR_RETURN(const uint64_t length, stream_.Next<uint64_t>());
        ASSIGN_OR_RETURN(std::string text, Text(length));
        kept_bytes_ += text.size();
        if (kept_bytes_ > limits_.kept_bytes) return TooLarge("too much text");
        return Value(std::move(text));
      }
      case ValueType::kArray:
        break;
    }
    ASSIGN_OR_RETURN(const Array array, SkipArray(0));
    return Value(array);
  }

  absl::Status SkipValue(ValueType type, int depth) {
    if (type == ValueType::kArray) return SkipArray(depth).status();
    if (type != ValueType::kString) return stream_.Skip(FixedBytes(type));
    ASSIGN_OR_RETURN(const uint64_t length, stream_.Next<uint64_t>());
    return stream_.Skip(length);
  }

  absl::StatusOr<Array> SkipArray(int depth) {
    if (depth >= kDeepestArray) return Malformed("arrays within arrays");
    ASSIGN_OR_RETURN(const ValueType type, NextType());
    ASSIGN_OR_RETURN(const uint64_t count, stream_.Next<uint64_t>());
    RETURN_IF_ERROR(stream_.CheckCount(count, LeastBytes(type), "elements"));
    if (const uint64_t bytes = FixedBytes(type); bytes > 0) {
      RETURN_IF_ERROR(stream_.Skip(count * bytes));
    } else {
      for (uint64_t i = 0; i < count; ++i) RETURN_IF_ERROR(SkipValue(type, depth + 1));
    }
    return Array{static_cast<uint32_t>(type), count};
  }

  Stream& stream_;
  const Limits& limits_;
  uint64_t kept_bytes_ = 0;
};

}  // namespace

std::optional<std::string_view> Metadata::Text(std::string_view key) const {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  const auto* text = std::get_if<std::string>(&found->second);
  if (text == nullptr) return std::nullopt;
  return *text;
}

std::optional<int64_t> Metadata::Number(std::string_view key) const {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  const auto* number = std::get_if<int64_t>(&found->second);
  if (number == nullptr) return std::nullopt;
  return *number;
}

absl::StatusOr<Metadata> ReadMetadata(File& file, absl::FunctionRef<bool(std::string_view key)> wants,
                                      const Limits& limits) {
  ASSIGN_OR_RETURN(const FileInfo info, file.Info());
  Stream stream(file, info.size_bytes, limits.header_bytes);
  return Reader(stream, limits).Read(wants);
}

}  // namespace batuta::gguf
