#pragma once

#include <cstdint>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// A file called .xml: the network of an OpenVINO model, all layers of which are of published sets, or else
// any other markup, which is judged as such.
absl::Status InspectOpenvino(Subject& subject);

// Adds what InspectOpenvino() cannot know: that all values lie in the .bin beside the model, which has
// `size_bytes`; 0 where there is none. Finds nothing in other markup.
absl::Status InspectOpenvinoData(Subject& subject, uint64_t size_bytes);

}  // namespace batuta::safety
