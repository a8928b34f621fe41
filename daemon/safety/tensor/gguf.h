#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// What a GGUF file begins with.
inline constexpr std::string_view kGgufMagic = "GGUF";

// All rules of GGUF versions 2 and 3: what passes loads in ggml. Reads the header, the padding behind it and
// that behind the last tensor, and no tensor. Chat templates in the metadata are inspected as the programs
// that they are.
absl::Status InspectGguf(Subject& subject);

// Of a model in several files: is it the part that its name says ("model-00002-of-00003.gguf")?
absl::Status InspectGgufPart(Subject& subject);

}  // namespace batuta::safety
