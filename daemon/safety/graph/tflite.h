#pragma once

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// A TFLite model: every table, vector and string of the flatbuffer lies in the file, no byte belongs to none,
// and no operation needs native code. Those that come from TensorFlow are held to its rules, by what they run
// and not only by what they are called.
absl::Status InspectTflite(Subject& subject);

}  // namespace batuta::safety
