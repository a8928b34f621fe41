#pragma once

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// HTML, SVG or other XML: one with a script in it, or a handler, or a link that runs one, is code.
absl::Status InspectMarkup(Subject& subject);

}  // namespace batuta::safety
