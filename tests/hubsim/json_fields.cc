#include "tests/hubsim/json_fields.h"

#include <utility>

namespace batuta::hubsim {
namespace {

using nlohmann::json;

const json* Field(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto field = object.find(std::string(key));
  return field == object.end() ? nullptr : &*field;
}

}  // namespace

std::string JsonString(const json& object, std::string_view key, std::string fallback) {
  const json* field = Field(object, key);
  return field != nullptr && field->is_string() ? field->get<std::string>() : std::move(fallback);
}

bool JsonBool(const json& object, std::string_view key, bool fallback) {
  const json* field = Field(object, key);
  return field != nullptr && field->is_boolean() ? field->get<bool>() : fallback;
}

std::int64_t JsonInteger(const json& object, std::string_view key, std::int64_t fallback) {
  const json* field = Field(object, key);
  return field != nullptr && field->is_number() ? field->get<std::int64_t>() : fallback;
}

std::vector<std::string> JsonStrings(const json& object, std::string_view key) {
  std::vector<std::string> values;
  const json* field = Field(object, key);
  if (field == nullptr || !field->is_array()) return values;
  for (const json& item : *field) {
    if (item.is_string()) values.push_back(item.get<std::string>());
  }
  return values;
}

}  // namespace batuta::hubsim
