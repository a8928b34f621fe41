#include "client/output/json_writer.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "common/text/utf8.h"

namespace batuta::client {
namespace {

// Characters that could change how the rest of a terminal line looks.
bool MustEscape(char32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x2028 || point == 0x2029 ||
         (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) || point == 0x200e ||
         point == 0x200f;
}

}  // namespace

JsonWriter& JsonWriter::Open(char bracket) {
  BeforeValue();
  text_ += bracket;
  has_items_.push_back(false);
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  const bool had_items = has_items_.back();
  has_items_.pop_back();
  if (had_items) NewLine();
  text_ += bracket;
  AfterValue();
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  BeforeValue();
  AppendQuoted(key);
  text_ += style_ == Style::kPretty ? ": " : ":";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  BeforeValue();
  AppendQuoted(value);
  AfterValue();
  return *this;
}

JsonWriter& JsonWriter::Unsigned(uint64_t value) {
  BeforeValue();
  fmt::format_to(std::back_inserter(text_), "{}", value);
  AfterValue();
  return *this;
}

JsonWriter& JsonWriter::Decimal(double value) {
  if (!std::isfinite(value)) return Null();
  BeforeValue();
  std::string text = fmt::format("{:.3f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  text_ += text;
  AfterValue();
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  BeforeValue();
  text_ += value ? "true" : "false";
  AfterValue();
  return *this;
}

JsonWriter& JsonWriter::Null() {
  BeforeValue();
  text_ += "null";
  AfterValue();
  return *this;
}

JsonWriter& JsonWriter::FieldOrNull(std::string_view key, std::string_view value) {
  Key(key);
  return value.empty() ? Null() : String(value);
}

std::string JsonWriter::Take() {
  return std::exchange(text_, {});
}

void JsonWriter::BeforeValue() {
  if (std::exchange(after_key_, false) || has_items_.empty()) return;
  if (has_items_.back()) text_ += ',';
  has_items_.back() = true;
  NewLine();
}

void JsonWriter::AfterValue() {
  if (has_items_.empty()) text_ += '\n';
}

void JsonWriter::NewLine() {
  if (style_ == Style::kOneLine) return;
  text_ += '\n';
  text_.append(2 * has_items_.size(), ' ');
}

void JsonWriter::AppendQuoted(std::string_view text) {
  text_ += '"';
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = NextUtf8(text, at);
    if (!step.valid) {
      text_ += "\uFFFD";
    } else if (step.point == '"' || step.point == '\\') {
      text_ += '\\';
      text_ += static_cast<char>(step.point);
    } else if (step.point == '\n') {
      text_ += "\\n";
    } else if (step.point == '\t') {
      text_ += "\\t";
    } else if (MustEscape(step.point)) {
      fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<uint32_t>(step.point));
    } else {
      text_ += text.substr(at, step.length);
    }
    at += step.length;
  }
  text_ += '"';
}

}  // namespace batuta::client
