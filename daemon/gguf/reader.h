#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/status/status.h"
#include "daemon/gguf/byte_source.h"
#include "daemon/gguf/format.h"
#include "daemon/gguf/metadata.h"

// The pieces of a header, one after the other: what all readers of this folder are made of.
namespace batuta::gguf {

absl::Status Malformed(std::string_view what);
absl::Status TooLarge(std::string_view what);

// Reads a source from its beginning to its end, with 64 KiB of memory.
class Stream {
 public:
  Stream(ByteSource& source, uint64_t limit_bytes);

  uint64_t offset() const { return offset_; }

  uint64_t size_bytes() const { return size_bytes_; }

  uint64_t left_bytes() const { return size_bytes_ - offset_; }

  absl::Status Read(std::span<std::byte> out);
  absl::Status Skip(uint64_t bytes);

  template <typename Number>
  absl::StatusOr<Number> Next() {
    Number value{};
    RETURN_IF_ERROR(Read(std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }

  // `count` things of at least `least_bytes` each cannot be more than the rest of the file.
  absl::Status CheckCount(uint64_t count, uint64_t least_bytes, std::string_view what) const;

 private:
  absl::Status Check(uint64_t bytes) const;

  ByteSource& source_;
  const uint64_t size_bytes_;
  const uint64_t limit_bytes_;
  uint64_t offset_ = 0;
  std::vector<std::byte> buffer_;
  uint64_t buffer_begin_ = 0;
  size_t buffered_ = 0;
};

// Key by key.
class Reader {
 public:
  Reader(ByteSource& source, const Limits& limits) : stream_(source, limits.header_bytes), limits_(limits) {}

  Stream& stream() { return stream_; }

  // First. Answers the number of key-values.
  absl::StatusOr<uint64_t> ReadHead(Metadata* metadata);

  struct Key {
    std::string name;
    ValueType type = ValueType::kU8;
  };

  absl::StatusOr<Key> NextKey();

  // One of these after each key.
  absl::StatusOr<Value> NextValue(const Key& key);

  absl::Status SkipValue(const Key& key) { return SkipValue(key.type, 0); }

  // Of an array; its elements are the next bytes.
  struct ArrayHead {
    ValueType type = ValueType::kU8;
    uint64_t count = 0;
  };

  absl::StatusOr<ArrayHead> NextArrayHead();

 private:
  absl::StatusOr<ValueType> NextType();
  absl::StatusOr<std::string> NextText(uint64_t length);
  absl::StatusOr<Value> NextArray();
  absl::Status SkipValue(ValueType type, int depth);
  absl::Status SkipArray(int depth);
  absl::Status SkipElements(const ArrayHead& head, int depth);
  absl::Status Keep(uint64_t bytes);

  Stream stream_;
  const Limits limits_;
  uint64_t kept_bytes_ = 0;
};

}  // namespace batuta::gguf
