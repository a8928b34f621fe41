#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// Can a file that begins so be a CoreML model? It has no signature: ask only where its name says that it is
// one.
bool IsCoreml(std::string_view first);

// A CoreML model: of a known kind, with known layers and operations only, none of which an application must
// bring, and with values in itself or in its own package.
absl::Status InspectCoreml(Subject& subject);

}  // namespace batuta::safety
