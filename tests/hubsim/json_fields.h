// Reads fields of JSON that came from outside, without trusting their types. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace batuta::hubsim {

// The fallback when `object` is no object, or the field is absent or of another type.
std::string JsonString(const nlohmann::json& object, std::string_view key, std::string fallback = "");
bool JsonBool(const nlohmann::json& object, std::string_view key, bool fallback = false);
std::int64_t JsonInteger(const nlohmann::json& object, std::string_view key, std::int64_t fallback = 0);
std::vector<std::string> JsonStrings(const nlohmann::json& object, std::string_view key);

}  // namespace batuta::hubsim
