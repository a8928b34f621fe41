#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The codings that text carries text in. Pure.
namespace batuta::secrets {

inline constexpr std::array<int8_t, 256> kBase64Values = [] {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (size_t i = 0; i < 26; ++i) {
    values['A' + i] = static_cast<int8_t>(i);
    values['a' + i] = static_cast<int8_t>(26 + i);
  }
  for (size_t i = 0; i < 10; ++i) values['0' + i] = static_cast<int8_t>(52 + i);
  values['+'] = values['-'] = 62;
  values['/'] = values['_'] = 63;
  return values;
}();

// 0–63; -1 for what is in neither alphabet of base64. `-` and `_` count as `+` and `/`.
inline int Base64Value(char c) {
  return kBase64Values[static_cast<unsigned char>(c)];
}

inline constexpr std::array<int8_t, 256> kHexValues = [] {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (size_t i = 0; i < 10; ++i) values['0' + i] = static_cast<int8_t>(i);
  for (size_t i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = static_cast<int8_t>(10 + i);
  return values;
}();

inline int HexValue(char c) {
  return kHexValues[static_cast<unsigned char>(c)];
}

inline bool IsBase64(char c) {
  return Base64Value(c) >= 0;
}

// Of the kBase64MaskBytes bytes from `bytes` on, which are in the alphabet of base64: a bit each, the first
// the lowest.
inline constexpr size_t kBase64MaskBytes = 48;
uint64_t Base64Mask(const char* bytes);

// As much of it as is whole groups; what is in neither alphabet is passed over. Padding ends it.
std::string DecodeBase64(std::string_view text);
std::string DecodeHex(std::string_view text);

// Text that somebody could read: tabs, line ends and ASCII from the space on.
bool IsPrintable(std::string_view bytes);

// Bytes of UTF-16 as UTF-8; what is no character becomes `?`. An odd last byte is dropped.
std::string Utf16ToUtf8(std::string_view bytes, bool is_big_endian);

// Is it UTF-16 by its mark, or by where its zeros are? Says whether the high byte comes first.
std::optional<bool> ProbeUtf16(std::string_view first_bytes);

}  // namespace batuta::secrets
