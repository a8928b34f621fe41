#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "absl/status/statusor.h"

namespace batuta::app {

// The uids of a list like "alice, 1001" (separated by commas; may be empty). Reads the system's accounts.
//   kInvalidArgument (CONFIG_INVALID)  a name that no account has.
absl::StatusOr<std::set<uint32_t>> UidsOf(std::string_view accounts);

}  // namespace batuta::app
