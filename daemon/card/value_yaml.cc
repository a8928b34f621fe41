#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "common/status/status.h"
#include "daemon/card/value.h"

namespace batuta::card {
namespace {

constexpr size_t kMostYamlBytes = 256 << 10;  // the parser is slow, and takes much memory for each value

bool IsNull(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL" ||
         text == ".nan" || text == ".inf" || text == "-.inf" || text == ".NaN";
}

bool IsBool(const std::string& text) {
  return text == "true" || text == "false" || text == "True" || text == "False";
}

// Nodes stand for each other (aliases), so that walking them may take longer than reading them did.
class Walk {
 public:
  explicit Walk(const ValueLimits& limits) : limits_(limits) {}

  absl::StatusOr<Value> Convert(const YAML::Node& node, size_t depth) {
    if (++values_ > limits_.values) return absl::ResourceExhaustedError("more values than are read");
    if (depth > limits_.depth) return absl::ResourceExhaustedError("nested more deeply than is read");
    Value value;
    if (node.IsScalar()) {
      FillScalar(node, &value);
    } else if (node.IsSequence()) {
      value.kind = Value::Kind::kList;
      for (const YAML::Node& item : node) {
        ASSIGN_OR_RETURN(Value converted, Convert(item, depth + 1));
        value.items.push_back(std::move(converted));
      }
    } else if (node.IsMap()) {
      value.kind = Value::Kind::kMap;
      for (const auto& member : node) {
        if (!member.first.IsScalar()) continue;
        ASSIGN_OR_RETURN(Value converted, Convert(member.second, depth + 1));
        value.names.push_back(member.first.Scalar());
        value.items.push_back(std::move(converted));
      }
    }
    return value;
  }

 private:
  static void FillScalar(const YAML::Node& node, Value* value) {
    value->kind = Value::Kind::kText;
    value->text = node.Scalar();
    if (node.Tag() != "?") return;  // quoted, or of a type that is stated
    if (IsNull(value->text)) {
      *value = Value();
    } else if (IsBool(value->text)) {
      value->kind = Value::Kind::kBool;
      value->text = value->text.front() == 't' || value->text.front() == 'T' ? "true" : "false";
    } else if (IsNumber(value->text)) {
      value->kind = Value::Kind::kNumber;
    }
  }

  const ValueLimits limits_;
  size_t values_ = 0;
};

}  // namespace

absl::StatusOr<Value> ParseYaml(std::string_view text, const ValueLimits& limits) {
  if (text.size() > kMostYamlBytes) return absl::ResourceExhaustedError("more YAML than is read");
  try {
    return Walk(limits).Convert(YAML::Load(std::string(text)), 1);
  } catch (const YAML::Exception& error) {
    if (error.mark.is_null()) return absl::InvalidArgumentError(error.msg);
    return absl::InvalidArgumentError(fmt::format("line {}: {}", error.mark.line + 1, error.msg));
  }
}

}  // namespace batuta::card
