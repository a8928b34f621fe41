#include "daemon/safety/graph/flexbuffer.h"

#include <span>

namespace batuta::safety {
namespace {

// The kinds of values that have an offset.
constexpr uint32_t kString = 5;
constexpr uint32_t kVector = 10;

// A number of `width` bytes, which must be 1, 2, 4 or 8.
std::optional<uint64_t> ReadNumber(RandomReader& reader, uint64_t offset, uint64_t width) {
  uint64_t number = 0;
  if (width > sizeof number || (width & (width - 1)) != 0 || width == 0) return std::nullopt;
  char bytes[sizeof number] = {};
  if (!reader.Read(offset, std::span(bytes, width))) return std::nullopt;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

}  // namespace

std::optional<FlexString> FindFlexNode(RandomReader& reader, uint64_t offset, uint64_t size_bytes) {
  // From the end: the width of the root, its kind, and before them the root, an offset that leads back.
  uint8_t kind = 0;
  uint8_t width = 0;
  const uint64_t end = offset + size_bytes;
  if (size_bytes < 3 || !reader.Read(end - 2, kind) || !reader.Read(end - 1, width)) return std::nullopt;
  if (kind >> 2U != kVector || width > size_bytes - 2) return std::nullopt;
  const uint64_t root = end - 2 - width;
  const std::optional<uint64_t> back = ReadNumber(reader, root, width);
  const uint64_t element_bytes = uint64_t{1} << (kind & 3U);
  if (!back || *back > root - offset) return std::nullopt;
  const uint64_t vector = root - *back;
  if (vector - offset < element_bytes) return std::nullopt;
  const std::optional<uint64_t> count = ReadNumber(reader, vector - element_bytes, element_bytes);
  if (count != 2) return std::nullopt;
  // The second element, and its kind behind all elements.
  const uint64_t element = vector + element_bytes;
  uint8_t element_kind = 0;
  const std::optional<uint64_t> element_back = ReadNumber(reader, element, element_bytes);
  if (!element_back || !reader.Read(vector + 2 * element_bytes + 1, element_kind)) return std::nullopt;
  if (element_kind >> 2U != kString || *element_back > element - offset) return std::nullopt;
  const uint64_t text = element - *element_back;
  const uint64_t length_bytes = uint64_t{1} << (element_kind & 3U);
  if (text - offset < length_bytes) return std::nullopt;
  const std::optional<uint64_t> length = ReadNumber(reader, text - length_bytes, length_bytes);
  if (!length || *length > end - text) return std::nullopt;
  return FlexString{.offset = text, .size_bytes = *length};
}

}  // namespace batuta::safety
