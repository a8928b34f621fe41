#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

inline constexpr uint64_t kMostYamlBytes = 16 << 20;

// YAML, as a loader may take its instructions from: tags that make objects are refused, and keys are held
// against what is refused in JSON. `text` is UTF-8.
void InspectYaml(Subject& subject, std::string_view text);

}  // namespace batuta::safety
