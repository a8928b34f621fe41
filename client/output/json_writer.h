#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace batuta::client {

// JsonWriter builds a JSON document piece by piece, keys in the order of the calls, so that a listing of a
// million files needs no tree in memory: Take() what is there as often as you like.
//
// Strings may hold anything: what is not UTF-8 becomes U+FFFD, controls and bidirectional overrides are
// escaped (the document may land on a terminal). Calls in an order that makes no JSON are a defect of the
// caller. Not thread-safe.
class JsonWriter {
 public:
  enum class Style { kPretty, kOneLine };

  explicit JsonWriter(Style style = Style::kPretty) : style_(style) {}

  JsonWriter& BeginObject() { return Open('{'); }

  JsonWriter& EndObject() { return Close('}'); }

  JsonWriter& BeginArray() { return Open('['); }

  JsonWriter& EndArray() { return Close(']'); }

  // Inside an object, before each value.
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);
  JsonWriter& Unsigned(uint64_t value);
  JsonWriter& Decimal(double value);  // with at most three decimals; what is no finite number is null
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

  // Key and value in one call.
  JsonWriter& Field(std::string_view key, std::string_view value) { return Key(key).String(value); }

  JsonWriter& Field(std::string_view key, const char* value) { return Key(key).String(value); }

  JsonWriter& Field(std::string_view key, uint64_t value) { return Key(key).Unsigned(value); }

  JsonWriter& Field(std::string_view key, uint32_t value) { return Key(key).Unsigned(value); }

  JsonWriter& Field(std::string_view key, double value) { return Key(key).Decimal(value); }

  JsonWriter& Field(std::string_view key, bool value) { return Key(key).Bool(value); }

  // The string, or null when it is empty.
  JsonWriter& FieldOrNull(std::string_view key, std::string_view value);

  // What was written since the last call. A document that is complete ends with a newline.
  std::string Take();

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void BeforeValue();
  void NewLine();
  void AppendQuoted(std::string_view text);
  void AfterValue();

  Style style_;
  std::string text_;
  std::vector<bool> has_items_;  // one per open bracket
  bool after_key_ = false;
};

}  // namespace batuta::client
