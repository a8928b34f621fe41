#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

inline constexpr size_t kMostTemplateBytes = 1 << 20;

// Looks at a chat template: a Jinja program that is rendered when the model is used, in the worst case
// without a sandbox. All names of attributes, filters, tests, functions and tags are judged, as tokens and
// never by the raw text; names that are only computed while it is rendered are refused. `offset` says where
// it stands in the file.
void InspectTemplate(Subject& subject, std::string_view source, uint64_t offset);

}  // namespace batuta::safety
