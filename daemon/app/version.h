#pragma once

#include <string_view>

namespace batuta::app {

// BATUTA_VERSION comes from the build: the version of the CMake project.
inline constexpr std::string_view kVersion = BATUTA_VERSION;

}  // namespace batuta::app
