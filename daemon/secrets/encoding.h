#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The codings that text carries text in. Pure.
namespace batuta::secrets {

// 0–63; -1 for what is in neither alphabet of base64. `-` and `_` count as `+` and `/`.
int Base64Value(char c);
int HexValue(char c);

inline bool IsBase64(char c) {
  return Base64Value(c) >= 0;
}

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
