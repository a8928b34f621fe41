#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// Can a file that begins so be one of those below? They have no signature: ask only where the name says that
// it is one.
bool IsTensorflow(std::string_view first);

// The protobuf files of TensorFlow: a SavedModel, a graph, a meta graph, the metadata of Keras, a
// fingerprint. Which of them it is shows in the content; what is none of them, to the last byte, is refused.
// Every operation that is named anywhere is held against the registry: in the graph, in its functions, and in
// graphs that are packed into constants.
absl::Status InspectTensorflow(Subject& subject);

// One node of a graph, alone, as TFLite has it.
absl::Status InspectTensorflowNode(Subject& subject);

}  // namespace batuta::safety
