#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// Does this begin like a numpy array (.npy)?
bool IsNpy(std::string_view first_bytes);

// A numpy array to its last byte. One of objects is a pickle behind the header.
absl::Status InspectNpy(Subject& subject);

}  // namespace batuta::safety
