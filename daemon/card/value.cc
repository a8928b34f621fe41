#include "daemon/card/value.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace batuta::card {
namespace {

// Builds a Value from the events of the parser, which keeps no stack of its own.
class Builder {
 public:
  using json = nlohmann::json;

  explicit Builder(const ValueLimits& limits) : limits_(limits) {}

  bool null() { return Add(Value::Kind::kNull, {}) != nullptr; }

  bool boolean(bool value) { return Add(Value::Kind::kBool, value ? "true" : "false") != nullptr; }

  bool number_integer(json::number_integer_t value) {
    return Add(Value::Kind::kNumber, fmt::format("{}", value)) != nullptr;
  }

  bool number_unsigned(json::number_unsigned_t value) {
    return Add(Value::Kind::kNumber, fmt::format("{}", value)) != nullptr;
  }

  bool number_float(json::number_float_t /*value*/, const std::string& written) {
    return Add(Value::Kind::kNumber, written) != nullptr;
  }

  bool string(std::string& text) { return Add(Value::Kind::kText, std::move(text)) != nullptr; }

  bool binary(json::binary_t& /*bytes*/) { return false; }

  bool start_object(size_t /*size*/) { return Open(Value::Kind::kMap); }

  bool end_object() { return Close(); }

  bool start_array(size_t /*size*/) { return Open(Value::Kind::kList); }

  bool end_array() { return Close(); }

  bool key(std::string& name) {
    open_.back()->names.push_back(std::move(name));
    return true;
  }

  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) {
    status_ = absl::InvalidArgumentError(fmt::format("not JSON from byte {} on", position));
    return false;
  }

  absl::StatusOr<Value> Take() {
    if (!status_.ok()) return status_;
    return std::move(root_);
  }

 private:
  Value* Add(Value::Kind kind, std::string text) {
    if (++values_ > limits_.values) {
      status_ = absl::ResourceExhaustedError("more values than are read");
      return nullptr;
    }
    Value* place = &root_;
    if (!open_.empty()) place = &open_.back()->items.emplace_back();
    place->kind = kind;
    place->text = std::move(text);
    return place;
  }

  bool Open(Value::Kind kind) {
    if (open_.size() == limits_.depth) {
      status_ = absl::ResourceExhaustedError("nested more deeply than is read");
      return false;
    }
    Value* place = Add(kind, {});
    if (place == nullptr) return false;
    open_.push_back(place);  // stays where it is: its parent gets no more items before it is closed
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  const ValueLimits limits_;
  Value root_;
  std::vector<Value*> open_;
  size_t values_ = 0;
  absl::Status status_;
};

// Python writes NaN, Infinity and -Infinity where JSON knows no such number.
std::string WithoutNonNumbers(std::string_view json) {
  constexpr std::string_view kNames[] = {"NaN", "Infinity", "-Infinity"};
  std::string out;
  out.reserve(json.size());
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      out += c;
      if (c == '\\' && i + 1 < json.size()) out += json[++i];
      if (c == '"') quoted = false;
      continue;
    }
    const auto* name = std::find_if(std::begin(kNames), std::end(kNames), [&](std::string_view candidate) {
      return json.substr(i).starts_with(candidate);
    });
    if (name != std::end(kNames)) {
      out += "null";
      i += name->size() - 1;
      continue;
    }
    quoted = c == '"';
    out += c;
  }
  return out;
}

absl::StatusOr<Value> ParsePlainJson(std::string_view text, const ValueLimits& limits) {
  Builder builder(limits);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.Take();
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Passes over digits; true when there was one.
bool SkipDigits(std::string_view text, size_t* at) {
  const size_t begin = *at;
  while (*at < text.size() && IsDigit(text[*at])) ++*at;
  return *at > begin;
}

}  // namespace

bool IsNumber(std::string_view text) {
  size_t at = text.starts_with('-') ? 1 : 0;
  const size_t first = at;
  if (!SkipDigits(text, &at)) return false;
  if (text[first] == '0' && at > first + 1) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!SkipDigits(text, &at)) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!SkipDigits(text, &at)) return false;
  }
  return at == text.size();
}

const Value* Value::Find(std::string_view name) const {
  if (kind != Kind::kMap) return nullptr;
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? nullptr : &items[static_cast<size_t>(found - names.begin())];
}

const Value* Value::FindAny(std::initializer_list<std::string_view> wanted) const {
  for (const std::string_view name : wanted) {
    const Value* found = Find(name);
    if (found != nullptr && found->kind != Kind::kNull) return found;
  }
  return nullptr;
}

std::string Value::Text(std::string_view name) const {
  const Value* found = Find(name);
  return found != nullptr && found->is_scalar() ? found->text : std::string();
}

std::string Value::TextOfAny(std::initializer_list<std::string_view> wanted) const {
  for (const std::string_view name : wanted) {
    if (std::string found = Text(name); !found.empty()) return found;
  }
  return {};
}

absl::StatusOr<Value> ParseJson(std::string_view text, const ValueLimits& limits) {
  absl::StatusOr<Value> plain = ParsePlainJson(text, limits);
  if (plain.ok() || !absl::IsInvalidArgument(plain.status())) return plain;
  const std::string cleaned = WithoutNonNumbers(text);
  return cleaned == text ? plain : ParsePlainJson(cleaned, limits);
}

absl::StatusOr<Value> ParseJsonLines(std::string_view text, const ValueLimits& limits) {
  Value list;
  list.kind = Value::Kind::kList;
  ValueLimits left = limits;
  size_t refused = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    // A value takes two bytes at least, so that the lines together stay within the limit.
    const size_t at_most = line.size() / 2 + 1;
    if (at_most > left.values) return absl::ResourceExhaustedError("more values than are read");
    left.values -= at_most;
    absl::StatusOr<Value> value = ParseJson(line, limits);
    if (value.ok()) {
      list.items.push_back(*std::move(value));
    } else {
      ++refused;
    }
  }
  if (list.items.empty() && refused > 0) return absl::InvalidArgumentError("no line of it is JSON");
  return list;
}

absl::StatusOr<Value> ParseByName(std::string_view path, std::string_view text, const ValueLimits& limits) {
  if (path.ends_with(".jsonl")) return ParseJsonLines(text, limits);
  if (path.ends_with(".json")) return ParseJson(text, limits);
  if (path.ends_with(".toml")) return ParseToml(text, limits);
  if (path.ends_with(".yaml") || path.ends_with(".yml")) return ParseYaml(text, limits);
  return absl::InvalidArgumentError("its name ends in none of .json .jsonl .yaml .yml .toml");
}

}  // namespace batuta::card
