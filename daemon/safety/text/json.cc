#include "daemon/safety/text/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "absl/hash/hash.h"
#include <fmt/format.h>

#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta::safety {
namespace {

constexpr size_t kFewKeys = 8;          // of one object, compared one by one
constexpr size_t kNumberBytes = 4'096;  // Python's own limit is near

// Bytes that stand for themselves in a string: ASCII but quote, backslash and control characters.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (size_t byte = 0x20; byte < 0x80; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}();

size_t PlainPrefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// -? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?
bool IsNumber(std::string_view text) {
  const auto take = [&text](std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == any_of.npos) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto digits = [&text] {
    const size_t before = text.size();
    while (!text.empty() && IsDigit(text.front())) text.remove_prefix(1);
    return text.size() < before;
  };
  take("-");
  if (!take("0") && !digits()) return false;
  if (take(".") && !digits()) return false;
  if (take("eE")) {
    take("+-");
    if (!digits()) return false;
  }
  return text.empty();
}

}  // namespace

JsonReader::JsonReader(ByteSource& source, const JsonOptions& options, uint64_t offset)
    : options_(options), reader_(source, offset) {}

bool JsonReader::Fill() {
  reader_.Skip(window_.size());
  window_ = reader_.Window();
  at_ = 0;
  return !window_.empty();
}

void JsonReader::SkipSpace() {
  for (int next = Peek(); next == ' ' || next == '\t' || next == '\r' || next == '\n'; next = Peek()) ++at_;
}

JsonToken JsonReader::Next() {
  if (token_ != JsonToken::kEnd && token_ != JsonToken::kFault) token_ = NextToken();
  return token_;
}

bool JsonReader::SkipRest() {
  int outer = depth();
  if (token_ == JsonToken::kBeginObject || token_ == JsonToken::kBeginArray) {
    --outer;
  } else if (token_ == JsonToken::kKey) {
    Next();
  }
  while (depth() > outer && token_ != JsonToken::kFault) Next();
  return token_ != JsonToken::kFault;
}

JsonToken JsonReader::NextToken() {
  SkipSpace();
  const int next = Peek();
  token_offset_ = offset();
  text_ = {};
  text_bytes_ = 0;
  switch (expect_) {
    case Expect::kValue:
      if (next == -1 && options_.many_values && levels_.empty() && reader_.status().ok()) {
        return JsonToken::kEnd;
      }
      return Value(next);
    case Expect::kFirstValue:
      return next == ']' ? End() : Value(next);
    case Expect::kFirstKey:
      if (next == '}') return End();
      [[fallthrough]];
    case Expect::kKey:
      return next == '"' ? Key() : Unexpected("a key");
    case Expect::kColon:
      if (next != ':') return Unexpected("a colon");
      ++at_;
      expect_ = Expect::kValue;
      return NextToken();
    case Expect::kSeparator:
      return Separator(next);
    case Expect::kNothing:
      if (next != -1) return Fault(JsonFault::Kind::kTrailing, offset(), "something follows the JSON value");
      return reader_.status().ok() ? JsonToken::kEnd : Unexpected("the end");
  }
  return Unexpected("a value");
}

JsonToken JsonReader::Separator(int next) {
  const bool is_object = levels_.back().is_object;
  if (next == (is_object ? '}' : ']')) return End();
  if (next != ',')
    return Unexpected(is_object ? "a comma or a closing brace" : "a comma or a closing bracket");
  ++at_;
  expect_ = is_object ? Expect::kKey : Expect::kValue;
  return NextToken();
}

JsonToken JsonReader::Value(int next) {
  switch (next) {
    case '{':
      return Begin(true);
    case '[':
      return Begin(false);
    case '"':
      return String() ? AfterValue(JsonToken::kString) : JsonToken::kFault;
    case 't':
      return Literal("true", JsonToken::kTrue);
    case 'f':
      return Literal("false", JsonToken::kFalse);
    case 'n':
      return Literal("null", JsonToken::kNull);
    case 'N':
      return options_.non_finite ? Literal("NaN", JsonToken::kNumber) : Unexpected("a value");
    case 'I':
      return options_.non_finite ? Literal("Infinity", JsonToken::kNumber) : Unexpected("a value");
    default:
      if (next == '-' || (next >= '0' && next <= '9')) return Number();
      return Unexpected("a value");
  }
}

JsonToken JsonReader::Key() {
  if (!String()) return JsonToken::kFault;
  if (text_.size() < text_bytes_) {
    return Fault(JsonFault::Kind::kTooMuch, token_offset_, fmt::format("a key of {} bytes", text_bytes_));
  }
  if (!IsNewKey(absl::HashOf(text_))) return JsonToken::kFault;
  expect_ = Expect::kColon;
  return JsonToken::kKey;
}

bool JsonReader::IsNewKey(uint64_t hash) {
  Level& level = levels_.back();
  bool is_new = true;
  if (level.many_keys != nullptr) {
    is_new = level.many_keys->insert(hash).second;
    key_count_ += is_new ? 1 : 0;
  } else {
    // As a number: an iterator would not outlive push_back().
    const auto first = static_cast<std::ptrdiff_t>(level.first_key);
    is_new = std::find(keys_.begin() + first, keys_.end(), hash) == keys_.end();
    keys_.push_back(hash);
    if (keys_.size() - level.first_key > kFewKeys) {
      level.many_keys = std::make_unique<absl::flat_hash_set<uint64_t>>(keys_.begin() + first, keys_.end());
      key_count_ += level.many_keys->size();
      keys_.resize(level.first_key);
    }
  }
  is_repeated_ = !is_new;
  if (!is_new && options_.repeated_keys) return true;
  if (!is_new) {
    Fault(JsonFault::Kind::kDuplicateKey, token_offset_,
          fmt::format("the key {} stands twice", Quoted(text_)));
  } else if (key_count_ + keys_.size() > options_.keys) {
    is_new = false;
    Fault(JsonFault::Kind::kTooMuch, token_offset_, fmt::format("more than {} keys", options_.keys));
  }
  return is_new;
}

JsonToken JsonReader::Begin(bool is_object) {
  if (depth() >= options_.depth) {
    return Fault(JsonFault::Kind::kTooDeep, offset(),
                 fmt::format("more than {} objects and arrays inside each other", options_.depth));
  }
  ++at_;
  levels_.push_back({.is_object = is_object, .first_key = keys_.size(), .many_keys = nullptr});
  expect_ = is_object ? Expect::kFirstKey : Expect::kFirstValue;
  return is_object ? JsonToken::kBeginObject : JsonToken::kBeginArray;
}

JsonToken JsonReader::End() {
  ++at_;
  const Level& level = levels_.back();
  const bool is_object = level.is_object;
  keys_.resize(level.first_key);
  if (level.many_keys != nullptr) key_count_ -= level.many_keys->size();
  levels_.pop_back();
  return AfterValue(is_object ? JsonToken::kEndObject : JsonToken::kEndArray);
}

JsonToken JsonReader::AfterValue(JsonToken token) {
  if (!levels_.empty()) {
    expect_ = Expect::kSeparator;
  } else {
    expect_ = options_.many_values ? Expect::kValue : Expect::kNothing;
  }
  return token;
}

JsonToken JsonReader::Number() {
  const auto belongs = [](int byte) {
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' || byte == 'e' ||
           byte == 'E';
  };
  // Most are a few digits, and all of them are here.
  const std::string_view rest = window_.substr(at_);
  size_t digits = 0;
  while (digits < rest.size() && IsDigit(rest[digits])) ++digits;
  const bool is_plain = digits > 0 && digits <= kNumberBytes && (digits == 1 || rest[0] != '0');
  if (is_plain && digits < rest.size() && !belongs(rest[digits])) {
    text_ = rest.substr(0, digits);
    text_bytes_ = digits;
    at_ += digits;
    return AfterValue(JsonToken::kNumber);
  }
  scratch_.clear();
  for (int next = Peek(); belongs(next); next = Peek()) {
    if (scratch_.size() == kNumberBytes) {
      return Fault(JsonFault::Kind::kTooMuch, token_offset_,
                   fmt::format("a number of more than {} digits", kNumberBytes));
    }
    scratch_.push_back(static_cast<char>(next));
    ++at_;
  }
  if (scratch_ == "-" && options_.non_finite && Peek() == 'I') {
    const JsonToken token = Literal("Infinity", JsonToken::kNumber);
    if (token == JsonToken::kNumber) text_ = "-Infinity";
    return token;
  }
  if (!IsNumber(scratch_)) {
    return Fault(JsonFault::Kind::kSyntax, token_offset_,
                 fmt::format("{} is no number", Quoted(scratch_, 40)));
  }
  text_ = scratch_;
  text_bytes_ = scratch_.size();
  return AfterValue(JsonToken::kNumber);
}

JsonToken JsonReader::Literal(std::string_view word, JsonToken token) {
  for (const char wanted : word) {
    if (Peek() != wanted) return Unexpected(word);
    ++at_;
  }
  if (token == JsonToken::kNumber) {
    text_ = word;  // a constant of this file
    text_bytes_ = word.size();
  }
  return AfterValue(token);
}

JsonToken JsonReader::Fault(JsonFault::Kind kind, uint64_t offset, std::string text) {
  fault_ = {.kind = kind, .offset = offset, .text = std::move(text)};
  token_ = JsonToken::kFault;
  return token_;
}

JsonToken JsonReader::Unexpected(std::string_view wanted) {
  if (Peek() == -1)
    return Fault(JsonFault::Kind::kCutOff, offset(), fmt::format("it ends where {} belongs", wanted));
  return Fault(JsonFault::Kind::kSyntax, offset(),
               fmt::format("{} stands where {} belongs", Quoted(window_.substr(at_, 1)), wanted));
}

bool JsonReader::String() {
  ++at_;
  if (at_ >= window_.size()) return SlowString();
  const std::string_view rest = window_.substr(at_);
  const size_t size = PlainPrefix(rest);
  if (size == rest.size() || rest[size] != '"' || size > options_.string_bytes) return SlowString();
  text_ = rest.substr(0, size);
  text_bytes_ = size;
  at_ += size + 1;
  return true;
}

bool JsonReader::SlowString() {
  scratch_.clear();
  while (true) {
    const int next = Peek();
    if (next == -1) return Unexpected("the end of a string") != JsonToken::kFault;
    if (next == '"') break;
    if (next == '\\') {
      if (!Escape()) return false;
    } else if (next >= 0x80) {
      if (!Sequence(next)) return false;
    } else if (next < 0x20) {
      Fault(JsonFault::Kind::kSyntax, offset(), "a control character in a string");
      return false;
    } else {
      const std::string_view run = window_.substr(at_, PlainPrefix(window_.substr(at_)));
      Keep(run);
      at_ += run.size();
    }
  }
  ++at_;
  text_ = scratch_;
  return true;
}

// Only whole characters are kept, and none after one that was not.
void JsonReader::Keep(std::string_view text) {
  const bool is_whole = scratch_.size() == text_bytes_;
  text_bytes_ += text.size();
  if (!is_whole) return;
  const uint64_t room = options_.string_bytes - scratch_.size();
  if (text.size() <= room) {
    scratch_.append(text);
  } else if (static_cast<unsigned char>(text.front()) < 0x80) {
    scratch_.append(text.substr(0, static_cast<size_t>(room)));
  }
}

bool JsonReader::Escape() {
  const uint64_t begin = offset();
  ++at_;
  const int letter = Peek();
  if (letter == -1) return Unexpected("the end of a string") != JsonToken::kFault;
  ++at_;
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (const size_t at = kLetters.find(static_cast<char>(letter)); at != kLetters.npos) {
    Keep(kMeanings.substr(at, 1));
    return true;
  }
  if (letter != 'u') {
    Fault(JsonFault::Kind::kSyntax, begin, "an escape that JSON does not have");
    return false;
  }
  uint32_t point = 0;
  if (!HexUnit(point)) return false;
  if (point >= 0xD800 && point < 0xDC00) {
    uint32_t low = 0;
    if (Peek() == '\\') {
      ++at_;
      if (Peek() == 'u') {
        ++at_;
        if (!HexUnit(low)) return false;
      }
    }
    point = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00) : 0xDC00;
  }
  if (point >= 0xD800 && point < 0xE000) {
    Fault(JsonFault::Kind::kText, begin, "half a surrogate pair");
    return false;
  }
  std::string encoded;
  AppendUtf8(encoded, static_cast<char32_t>(point));
  Keep(encoded);
  return true;
}

bool JsonReader::HexUnit(uint32_t& out) {
  out = 0;
  for (int i = 0; i < 4; ++i) {
    const int next = Peek();
    uint32_t digit = 0;
    if (next >= '0' && next <= '9') {
      digit = static_cast<uint32_t>(next - '0');
    } else if ((next | 0x20) >= 'a' && (next | 0x20) <= 'f') {
      digit = static_cast<uint32_t>((next | 0x20) - 'a' + 10);
    } else {
      Unexpected("a hexadecimal digit");
      return false;
    }
    out = out << 4 | digit;
    ++at_;
  }
  return true;
}

bool JsonReader::Sequence(int lead) {
  const uint64_t begin = offset();
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  char bytes[4] = {static_cast<char>(lead), 0, 0, 0};
  ++at_;
  for (size_t i = 1; i < size; ++i) {
    const int next = Peek();
    if (next == -1) return Unexpected("the end of a string") != JsonToken::kFault;
    if (next < 0x80) break;
    bytes[i] = static_cast<char>(next);
    ++at_;
  }
  const std::string_view character(bytes, size);
  if (!IsValidUtf8(character)) {
    Fault(JsonFault::Kind::kText, begin, "bytes that are not UTF-8");
    return false;
  }
  Keep(character);
  return true;
}

std::optional<uint64_t> PlainInteger(std::string_view number) {
  if (number.empty() || !IsDigit(number.front()) || (number.size() > 1 && number.front() == '0')) return {};
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size()) return {};
  return value;
}

}  // namespace batuta::safety
