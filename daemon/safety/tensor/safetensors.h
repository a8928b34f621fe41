#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// No header may be larger; what the format's own library allows.
inline constexpr uint64_t kMostSafetensorsHeader = 100'000'000;

// Can a file be safetensors that begins with `first` (its first bytes, 32 are enough)? A length, and then the
// beginning of a JSON object.
bool IsSafetensors(std::string_view first);

// All rules of safetensors: the header is strict JSON, every tensor's dtype, shape and place agree, and the
// tensors cover the file without a hole, an overlap or anything behind them. Reads the header, and no tensor.
absl::Status InspectSafetensors(Subject& subject);

}  // namespace batuta::safety
