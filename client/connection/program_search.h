#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "common/config/locations.h"

namespace batuta::client {

// Where a program is that is installed with this one: beside it, else the first of that name in PATH.
std::optional<std::filesystem::path> FindProgram(const Environment& environment,
                                                 const std::filesystem::path& this_program,
                                                 std::string_view name);

}  // namespace batuta::client
