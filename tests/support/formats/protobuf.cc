#include "tests/support/formats/protobuf.h"

#include <cstring>

namespace batuta::formats {
namespace {

std::string Tag(uint32_t number, uint32_t wire) {
  return Varint(uint64_t{number} << 3U | wire);
}

}  // namespace

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value > 0x7F; value >>= 7U) bytes.push_back(static_cast<char>(value | 0x80U));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string VarintField(uint32_t number, uint64_t value) {
  return Tag(number, 0) + Varint(value);
}

std::string BytesField(uint32_t number, std::string_view content) {
  return Tag(number, 2) + Varint(content.size()) + std::string(content);
}

std::string FloatField(uint32_t number, float value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  return Tag(number, 5) + std::string(bytes, sizeof bytes);
}

}  // namespace batuta::formats
