#include "common/text/utf8.h"

#include <cstdint>
#include <cstring>

namespace batuta {
namespace {

struct LeadByte {
  size_t length = 0;      // of the whole sequence; 0 when the byte cannot start one
  char32_t bits = 0;      // what the lead byte contributes
  char32_t smallest = 0;  // the smallest point that needs this length
};

LeadByte ClassifyLead(unsigned char byte) {
  if (byte < 0x80) return {1, byte, 0};
  if ((byte & 0xe0) == 0xc0) return {2, byte & 0x1fU, 0x80};
  if ((byte & 0xf0) == 0xe0) return {3, byte & 0x0fU, 0x800};
  if ((byte & 0xf8) == 0xf0) return {4, byte & 0x07U, 0x10000};
  return {};
}

}  // namespace

Utf8Step NextUtf8(std::string_view text, size_t position) {
  const auto first = static_cast<unsigned char>(text[position]);
  const Utf8Step invalid{first, 1, false};
  const LeadByte lead = ClassifyLead(first);
  if (lead.length == 0 || lead.length > text.size() - position) return invalid;
  char32_t point = lead.bits;
  for (size_t i = 1; i < lead.length; ++i) {
    const auto byte = static_cast<unsigned char>(text[position + i]);
    if ((byte & 0xc0) != 0x80) return invalid;
    point = (point << 6) | (byte & 0x3fU);
  }
  const bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
  if (point < lead.smallest || point > 0x10ffff || is_surrogate) return invalid;
  return {point, lead.length, true};
}

size_t ValidUtf8Bytes(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    // Most of it is ASCII, which goes eight bytes at a time.
    uint64_t word = 0;
    if (text.size() - i >= sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080'8080'8080'8080U) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const Utf8Step step = NextUtf8(text, i);
    if (!step.valid) return i;
    i += step.length;
  }
  return text.size();
}

bool IsValidUtf8(std::string_view text) {
  return ValidUtf8Bytes(text) == text.size();
}

bool ContainsControl(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const Utf8Step step = NextUtf8(text, i);
    if (step.valid && (step.point < 0x20 || (step.point >= 0x7f && step.point <= 0x9f))) return true;
    i += step.length;
  }
  return false;
}

void AppendUtf8(std::string& out, char32_t point) {
  const auto tail = [&out, point](int shift) {
    out += static_cast<char>(0x80U | ((point >> shift) & 0x3fU));
  };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0U | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0U | (point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0U | ((point >> 18) & 0x07U));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace batuta
