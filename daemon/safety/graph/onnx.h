#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// Can a file be an ONNX model that begins with `first`? Its format has no magic; a name must say so as well.
bool IsOnnx(std::string_view first);

// An ONNX model, wherever it has nodes and tensors: graphs inside of attributes, functions, training. Reads
// over the bytes of its tensors. Operators that are not ONNX' own or the runtime's need native code; data in
// other files must stay beside the model.
absl::Status InspectOnnx(Subject& subject);

// The size of the regular file `path` (relative, with /) in the same snapshot as the model; nothing when
// there is none.
using OnnxDataSize = absl::FunctionRef<std::optional<uint64_t>(std::string_view path)>;

// Adds what InspectOnnx() cannot know: that data in other files is there, all of it.
absl::Status InspectOnnxData(Subject& subject, OnnxDataSize size_of);

}  // namespace batuta::safety
