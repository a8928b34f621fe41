#pragma once

#include <string_view>

#include "daemon/safety/base/snapshot.h"
#include "daemon/safety/inspector.h"

namespace batuta::safety {

// Does a file of that name speak of others? InspectAmongOthers() says nothing of any other.
bool SpeaksOfOthers(std::string_view path);

// What a file says of the others beside it, held against them; Inspect() has judged it by itself before. An
// index of safetensors names files that hold its tensors, a model of ONNX or OpenVINO has data beside it, a
// part of a GGUF model its number among the parts. Nothing of this is kept by content: it depends on the
// other files.
Outcome InspectAmongOthers(std::string_view path, Snapshot& snapshot);

}  // namespace batuta::safety
