#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "common/config/locations.h"

namespace batuta::client {

// Where a program is that is installed with this one: beside it, else in the folder for programs that nobody
// calls by hand (…/libexec/batuta), else the first of that name in PATH, else where a build of both has put
// it.
std::optional<std::filesystem::path> FindProgram(const Environment& environment,
                                                 const std::filesystem::path& this_program,
                                                 std::string_view name);

}  // namespace batuta::client
