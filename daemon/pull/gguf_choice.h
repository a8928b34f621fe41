#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "daemon/pull/draft.h"

namespace batuta::pull {

// Of the GGUF files that the draft still takes, leaves out all but one variant with all its parts, and one
// projector; with no `quantization` there must be one variant only. Errors as PlanSelection: CHOICE_NEEDED,
// INVALID_ARGUMENT (the quantization is not there; lists those that are), ENTRY_NOT_FOUND (parts of the
// variant are missing). Pure.
absl::Status ChooseGgufVariant(Draft& draft, std::string_view quantization);

}  // namespace batuta::pull
