#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace batuta::pull {

// One error for all the files that a pull was refused (path, why): it names each, up to eight, and has the
// reason and the hint of the worst. Not for an empty list. Pure.
absl::Status RefusedTogether(const std::vector<std::pair<std::string, absl::Status>>& refused);

}  // namespace batuta::pull
