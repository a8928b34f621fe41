#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "common/config/locations.h"

namespace batuta::client {

// For commands that only the hub can answer: the environment forbids to ask it. `what` is what was asked,
// e.g. "a search".
//   kNotFound (OFFLINE_MISS)  HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.
absl::Status RefuseWhenOffline(const Environment& environment, std::string_view what);

}  // namespace batuta::client
