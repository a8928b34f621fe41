#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "nlohmann/json.hpp"

// Reading JSON that somebody else wrote: without exceptions, without recursion, with bounded memory, and
// lenient about every field that is missing or of another type.
namespace batuta::hub {

struct JsonBounds {
  size_t max_depth = 32;
  size_t max_values = 100'000;  // of the object, or of one record

  // A member of the top-level object: its array is replaced by the number of its elements.
  std::string_view count_only = {};
};

// One JSON object.
//   kInternal (HUB_PROTOCOL)      not JSON, not an object, or deeper than the bound.
//   kOutOfRange (ANSWER_TOO_LARGE)  more values than the bound.
absl::StatusOr<nlohmann::json> ReadObject(std::string_view text, const JsonBounds& bounds);

// A JSON array; each element is handed to `on_record` as soon as it is complete and is not kept. A status
// that is not OK ends the reading and is returned. Errors as above; elements before the damage have been
// handed over by then.
absl::Status ReadRecords(std::string_view text, const JsonBounds& bounds,
                         absl::FunctionRef<absl::Status(const nlohmann::json&)> on_record);

// The member `name` of `object`, when `object` is an object and has it; else a null value.
const nlohmann::json& Member(const nlohmann::json& object, std::string_view name);

// The member in the wanted type; the empty value when it is missing or of another type. Numbers that are
// negative or fractions are "of another type" for UnsignedMember.
std::string StringMember(const nlohmann::json& object, std::string_view name);
std::optional<uint64_t> UnsignedMember(const nlohmann::json& object, std::string_view name);
bool BoolMember(const nlohmann::json& object, std::string_view name);
std::optional<WallTime> TimeMember(const nlohmann::json& object, std::string_view name);

// The strings of a member that is a string or an array of strings; at most `limit`.
std::vector<std::string> StringsMember(const nlohmann::json& object, std::string_view name, size_t limit);

}  // namespace batuta::hub
