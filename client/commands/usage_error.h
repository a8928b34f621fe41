#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace batuta::client {

// What was typed cannot be meant: kInvalidArgument (INVALID_ARGUMENT), exit 2.
absl::Status UsageError(std::string_view message, std::string_view hint);

}  // namespace batuta::client
