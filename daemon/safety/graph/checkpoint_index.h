#pragma once

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// The index of a TensorFlow checkpoint: a sorted table of what tensors there are and where in the shards
// beside it they lie. Nothing but numbers and names; every byte of it must belong to the table.
absl::Status InspectCheckpointIndex(Subject& subject);

}  // namespace batuta::safety
