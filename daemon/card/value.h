#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace batuta::card {

// What a file of JSON, YAML or TOML says. Numbers stay as they were written, so that what is measured to be
// 0.10 is told as 0.10.
struct Value {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text;                // of a number (as JSON writes one), a text, "true" or "false"
  std::vector<Value> items;        // of a list, or of a map
  std::vector<std::string> names;  // of a map: those of the items, in the order of the file

  bool is_scalar() const { return kind != Kind::kList && kind != Kind::kMap && kind != Kind::kNull; }

  // The item of that name; null when this is no map or has none.
  const Value* Find(std::string_view name) const;

  // The first of these names that it has, unless that is null.
  const Value* FindAny(std::initializer_list<std::string_view> wanted) const;

  // The scalar of that name as text; empty when there is none.
  std::string Text(std::string_view name) const;
  std::string TextOfAny(std::initializer_list<std::string_view> wanted) const;

  friend bool operator==(const Value&, const Value&) = default;
};

// What a document may take.
struct ValueLimits {
  size_t values = 400'000;
  size_t depth = 48;
};

// The documents of strangers: bounded by what they may take, never by what they say. NaN and Infinity, which
// Python writes into its JSON, are null. Pure.
//   kInvalidArgument    not JSON (YAML, TOML); the message says where.
//   kResourceExhausted  beyond a limit.
absl::StatusOr<Value> ParseJson(std::string_view text, const ValueLimits& limits = {});
absl::StatusOr<Value> ParseYaml(std::string_view text, const ValueLimits& limits = {});
absl::StatusOr<Value> ParseToml(std::string_view text, const ValueLimits& limits = {});

// One JSON value on each line; lines that are none are passed over. The answer is a list.
absl::StatusOr<Value> ParseJsonLines(std::string_view text, const ValueLimits& limits = {});

// As the ending of `path` says: .json, .jsonl, .yaml, .yml, .toml.
absl::StatusOr<Value> ParseByName(std::string_view path, std::string_view text,
                                  const ValueLimits& limits = {});

// Is it a number as JSON writes one?
bool IsNumber(std::string_view text);

}  // namespace batuta::card
