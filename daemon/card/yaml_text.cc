#include "daemon/card/yaml_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/text/utf8.h"

namespace batuta::card {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Words that YAML 1.1 reads as something else than texts.
bool IsReserved(std::string_view text) {
  constexpr std::array<std::string_view, 9> kWords = {"y",   "n",    "yes",   "no",  "on",
                                                      "off", "true", "false", "null"};
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return std::find(kWords.begin(), kWords.end(), lowered) != kWords.end();
}

// Begins with a letter, so that it is no number and no date, and goes on with nothing that YAML has a use
// for.
bool IsPlain(std::string_view text) {
  if (text.empty() || !IsLetter(text.front()) || text.back() == ' ' || IsReserved(text)) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == ' ' || c == '-' || c == '_' || c == '.' || c == '/' || c == '+';
  });
}

bool IsPrintableLine(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = NextUtf8(text, at);
    const bool is_control = step.point < 0x20 || (step.point >= 0x7F && step.point <= 0xA0) ||
                            step.point == 0x2028 || step.point == 0x2029 || step.point == 0xFEFF ||
                            step.point >= 0xFFFE;
    if (!step.valid || is_control) return false;
    at += step.length;
  }
  return true;
}

std::string DoubleQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = NextUtf8(text, at);
    const std::string_view bytes = text.substr(at, step.length);
    at += step.length;
    if (!step.valid) {
      quoted += "\\uFFFD";
    } else if (step.point == '"' || step.point == '\\') {
      quoted += '\\';
      quoted += bytes;
    } else if (step.point >= 0x20 && step.point < 0x7F) {
      quoted += bytes;
    } else if (step.point > 0xFFFF) {
      quoted += fmt::format("\\U{:08X}", static_cast<uint32_t>(step.point));
    } else {
      quoted += fmt::format("\\u{:04X}", static_cast<uint32_t>(step.point));
    }
  }
  return quoted + '"';
}

}  // namespace

std::string YamlText(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  if (!IsPrintableLine(text)) return DoubleQuoted(text);
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') quoted += c;
  }
  return quoted + '\'';
}

std::string YamlNumber(std::string_view number) {
  const size_t exponent = number.find_first_of("eE");
  if (exponent == std::string_view::npos) return std::string(number);
  std::string written(number.substr(0, exponent));
  if (written.find('.') == std::string::npos) written += ".0";
  std::string_view power = number.substr(exponent + 1);
  written += 'e';
  if (!power.starts_with('+') && !power.starts_with('-')) written += '+';
  written += power;
  return written;
}

}  // namespace batuta::card
