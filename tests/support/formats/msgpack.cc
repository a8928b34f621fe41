#include "tests/support/formats/msgpack.h"

namespace batuta::formats {
namespace {

// A byte that says how long the number behind it is, which is big-endian.
std::string Marked(unsigned char mark, int number_bytes, uint64_t number) {
  std::string bytes(1, static_cast<char>(mark));
  for (int shift = (number_bytes - 1) * 8; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(number >> static_cast<unsigned>(shift)));
  }
  return bytes;
}

std::string Sized(unsigned char mark8, uint64_t size) {
  if (size < 0x100) return Marked(mark8, 1, size);
  if (size < 0x10000) return Marked(static_cast<unsigned char>(mark8 + 1), 2, size);
  return Marked(static_cast<unsigned char>(mark8 + 2), 4, size);
}

uint64_t Below(std::mt19937_64& random, uint64_t bound) {
  return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random);
}

std::string RandomNdarray(std::mt19937_64& random) {
  constexpr std::pair<std::string_view, uint64_t> kTypes[] = {
      {"float32", 4}, {"bfloat16", 2}, {"int64", 8}, {"bool", 1}, {"complex128", 16}, {"float8_e4m3fn", 1}};
  const auto& [name, size] = kTypes[Below(random, std::size(kTypes))];
  std::vector<uint64_t> shape(Below(random, 4));
  uint64_t elements = 1;
  for (uint64_t& dimension : shape) {
    dimension = Below(random, 10);
    elements *= dimension;
  }
  return MsgpackNdarray(shape, name, std::string(elements * size, 'w'));
}

std::string RandomMap(std::mt19937_64& random, int depth) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const uint64_t count = Below(random, 24);
  for (uint64_t i = 0; i < count; ++i) {
    std::string value;
    switch (Below(random, depth > 0 ? 10 : 8)) {
      case 0:
        value = MsgpackNumber(random() >> Below(random, 64));
        break;
      case 1:
        value = MsgpackText(std::string(Below(random, 300), 't'));
        break;
      case 2:
        value = MsgpackArray(std::vector<std::string>(Below(random, 40), "\xc0"));
        break;
      case 3:
        value = MsgpackExtension(
            2, MsgpackArray({std::string("\xcb\1\2\3\4\5\6\7\7"), std::string("\xcb\1\2\3\4\5\6\7\7")}));
        break;
      case 4:
        value = MsgpackExtension(3, MsgpackArray({MsgpackText("int32"), MsgpackBytes("wwww")}));
        break;
      case 8:
      case 9:
        value = RandomMap(random, depth - 1);
        break;
      default:
        value = RandomNdarray(random);
        break;
    }
    pairs.emplace_back("layer_" + std::to_string(i), value);
  }
  return MsgpackMap(pairs);
}

}  // namespace

std::string MsgpackNumber(uint64_t number) {
  if (number < 0x80) return {static_cast<char>(number)};
  if (number < 0x100) return Marked(0xCC, 1, number);
  if (number < 0x10000) return Marked(0xCD, 2, number);
  if (number < 0x1'0000'0000) return Marked(0xCE, 4, number);
  return Marked(0xCF, 8, number);
}

std::string MsgpackText(std::string_view text) {
  const std::string head =
      text.size() < 32 ? std::string(1, static_cast<char>(0xA0U | text.size())) : Sized(0xD9, text.size());
  return head + std::string(text);
}

std::string MsgpackBytes(std::string_view bytes) {
  return Sized(0xC4, bytes.size()) + std::string(bytes);
}

std::string MsgpackArray(const std::vector<std::string>& values) {
  std::string bytes = values.size() < 16 ? std::string(1, static_cast<char>(0x90U | values.size()))
                                         : Marked(0xDC, 2, values.size());
  for (const std::string& value : values) bytes += value;
  return bytes;
}

std::string MsgpackMap(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string bytes = pairs.size() < 16 ? std::string(1, static_cast<char>(0x80U | pairs.size()))
                                        : Marked(0xDE, 2, pairs.size());
  for (const auto& [key, value] : pairs) bytes += MsgpackText(key) + value;
  return bytes;
}

std::string MsgpackExtension(int8_t type, std::string_view content) {
  return Sized(0xC7, content.size()) + static_cast<char>(type) + std::string(content);
}

std::string MsgpackNdarray(const std::vector<uint64_t>& shape, std::string_view dtype,
                           std::string_view bytes) {
  std::vector<std::string> sizes;
  for (const uint64_t size : shape) sizes.push_back(MsgpackNumber(size));
  return MsgpackExtension(1, MsgpackArray({MsgpackArray(sizes), MsgpackText(dtype), MsgpackBytes(bytes)}));
}

std::string RandomMsgpack(std::mt19937_64& random) {
  return RandomMap(random, 3);
}

}  // namespace batuta::formats
