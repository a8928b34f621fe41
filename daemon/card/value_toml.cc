#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "common/status/status.h"
#include "daemon/card/value.h"

namespace batuta::card {
namespace {

constexpr size_t kMostTomlBytes = 2 << 20;

// What stands at that place of the text: a number as it was written. Columns count characters, so a line with
// others than ASCII is left to the parser's reading.
std::string WrittenAt(const std::vector<std::string_view>& lines, const toml::source_region& place) {
  if (place.begin.line == 0 || place.begin.line != place.end.line || place.begin.line > lines.size())
    return {};
  const std::string_view line = lines[place.begin.line - 1];
  const bool is_ascii = std::all_of(line.begin(), line.end(), [](char c) { return c > 0; });
  if (!is_ascii || place.begin.column == 0 || place.begin.column > line.size() ||
      place.end.column < place.begin.column) {
    return {};
  }
  return std::string(line.substr(place.begin.column - 1, place.end.column - place.begin.column));
}

class Walk {
 public:
  Walk(std::string_view text, const ValueLimits& limits) : limits_(limits) {
    while (true) {
      const size_t end = std::min(text.find('\n'), text.size());
      lines_.push_back(text.substr(0, end));
      if (end == text.size()) return;
      text.remove_prefix(end + 1);
    }
  }

  absl::StatusOr<Value> Convert(const toml::node& node, size_t depth) {
    if (++values_ > limits_.values) return absl::ResourceExhaustedError("more values than are read");
    if (depth > limits_.depth) return absl::ResourceExhaustedError("nested more deeply than is read");
    if (const toml::table* table = node.as_table(); table != nullptr) return ConvertTable(*table, depth);
    if (const toml::array* list = node.as_array(); list != nullptr) {
      Value value;
      value.kind = Value::Kind::kList;
      for (const toml::node& item : *list) {
        ASSIGN_OR_RETURN(Value converted, Convert(item, depth + 1));
        value.items.push_back(std::move(converted));
      }
      return value;
    }
    return Scalar(node);
  }

 private:
  absl::StatusOr<Value> ConvertTable(const toml::table& table, size_t depth) {
    // A table is sorted by names; its members are told in the order of the file.
    std::vector<std::pair<std::string, const toml::node*>> members;
    for (const auto& [name, member] : table) members.emplace_back(std::string(name.str()), &member);
    std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
      const toml::source_position left = a.second->source().begin;
      const toml::source_position right = b.second->source().begin;
      return std::pair(left.line, left.column) < std::pair(right.line, right.column);
    });
    Value value;
    value.kind = Value::Kind::kMap;
    for (const auto& [name, member] : members) {
      ASSIGN_OR_RETURN(Value converted, Convert(*member, depth + 1));
      value.names.push_back(name);
      value.items.push_back(std::move(converted));
    }
    return value;
  }

  Value Scalar(const toml::node& node) const {
    Value value;
    if (const auto text = node.value_exact<std::string>()) {
      value.kind = Value::Kind::kText;
      value.text = *text;
    } else if (const auto flag = node.value_exact<bool>()) {
      value.kind = Value::Kind::kBool;
      value.text = *flag ? "true" : "false";
    } else if (const auto whole = node.value_exact<int64_t>()) {
      value.kind = Value::Kind::kNumber;
      value.text = fmt::format("{}", *whole);
    } else if (const auto number = node.value_exact<double>()) {
      if (!std::isfinite(*number)) return value;
      value.kind = Value::Kind::kNumber;
      const std::string written = WrittenAt(lines_, node.source());
      value.text = IsNumber(written) ? written : fmt::format("{}", *number);
    } else {  // a date or a time
      std::ostringstream out;
      node.visit([&out](const auto& item) {
        if constexpr (toml::is_value<decltype(item)>) out << item;
      });
      value.kind = Value::Kind::kText;
      value.text = out.str();
    }
    return value;
  }

  const ValueLimits limits_;
  std::vector<std::string_view> lines_;
  size_t values_ = 0;
};

}  // namespace

absl::StatusOr<Value> ParseToml(std::string_view text, const ValueLimits& limits) {
  if (text.size() > kMostTomlBytes) return absl::ResourceExhaustedError("more TOML than is read");
  try {
    const toml::table table = toml::parse(text);
    return Walk(text, limits).Convert(table, 1);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(
        fmt::format("line {}: {}", error.source().begin.line, std::string(error.description())));
  }
}

}  // namespace batuta::card
