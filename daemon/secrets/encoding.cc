#include "daemon/secrets/encoding.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace batuta::secrets {
namespace {

void AppendUtf8(uint32_t point, std::string& out) {
  const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

#if defined(__SSE2__)
// All ones for each of sixteen bytes that is in the alphabet.
__m128i AreBase64(__m128i bytes) {
  const auto all = [](char c) { return _mm_set1_epi8(c); };
  const auto at_most = [&](__m128i values, char most) {
    return _mm_cmpeq_epi8(_mm_min_epu8(values, all(most)), values);
  };
  const __m128i letters = at_most(_mm_sub_epi8(_mm_or_si128(bytes, all(0x20)), all('a')), 25);
  const __m128i digits = at_most(_mm_sub_epi8(bytes, all('0')), 9);
  const __m128i signs =
      _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, all('+')), _mm_cmpeq_epi8(bytes, all('/'))),
                   _mm_or_si128(_mm_cmpeq_epi8(bytes, all('-')), _mm_cmpeq_epi8(bytes, all('_'))));
  return _mm_or_si128(_mm_or_si128(letters, digits), signs);
}
#endif

}  // namespace

uint64_t Base64Mask(const char* bytes) {
  uint64_t mask = 0;
#if defined(__SSE2__)
  for (size_t i = 0; i < kBase64MaskBytes; i += 16) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + i));
    mask |= static_cast<uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(AreBase64(part)))) << i;
  }
#else
  for (size_t i = 0; i < kBase64MaskBytes; ++i) mask |= static_cast<uint64_t>(IsBase64(bytes[i])) << i;
#endif
  return mask;
}

std::string DecodeBase64(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const int value = Base64Value(c);
    if (value < 0) continue;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return out;
}

std::string DecodeHex(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    out += static_cast<char>(HexValue(text[i]) << 4 | HexValue(text[i + 1]));
  }
  return out;
}

bool IsPrintable(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return (c >= 9 && c <= 13) || (c >= 32 && c <= 126); });
}

std::string Utf16ToUtf8(std::string_view bytes, bool is_big_endian) {
  const auto unit = [&](size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    const auto second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<uint32_t>(is_big_endian ? first << 8 | second : second << 8 | first);
  };
  std::string out;
  out.reserve(bytes.size() / 2);
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    uint32_t point = unit(i);
    if (point >= 0xD800 && point < 0xDC00 && i + 3 < bytes.size() && unit(i + 2) >= 0xDC00 &&
        unit(i + 2) < 0xE000) {
      point = 0x10000 + ((point - 0xD800) << 10) + (unit(i + 2) - 0xDC00);
      i += 2;
    } else if (point >= 0xD800 && point < 0xE000) {
      point = '?';
    }
    AppendUtf8(point, out);
  }
  return out;
}

std::optional<bool> ProbeUtf16(std::string_view first_bytes) {
  if (first_bytes.starts_with("\xFF\xFE") && !first_bytes.starts_with(std::string_view("\xFF\xFE\0\0", 4)))
    return false;
  if (first_bytes.starts_with("\xFE\xFF")) return true;
  first_bytes = first_bytes.substr(0, 4096);
  if (first_bytes.size() < 16) return std::nullopt;
  size_t zeros[2] = {0, 0};
  size_t text[2] = {0, 0};
  for (size_t i = 0; i < first_bytes.size(); ++i) {
    if (first_bytes[i] == '\0') ++zeros[i % 2];
    if (IsPrintable(first_bytes.substr(i, 1))) ++text[i % 2];
  }
  const size_t half = first_bytes.size() / 2;
  for (const size_t high : {size_t{0}, size_t{1}}) {
    // Three in ten bytes are zeros, nearly all on one side, and the other side is text.
    if (zeros[high] * 10 >= half * 6 && zeros[1 - high] * 50 <= half && text[1 - high] * 10 >= half * 8)
      return high == 0;
  }
  return std::nullopt;
}

}  // namespace batuta::secrets
