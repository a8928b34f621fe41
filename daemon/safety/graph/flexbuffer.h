#pragma once

#include <cstdint>
#include <optional>

#include "daemon/safety/graph/random_reader.h"

namespace batuta::safety {

struct FlexString {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

// The options of an operation that TFLite takes from TensorFlow: a flexbuffer of `size_bytes` at `offset`, a
// list of its name and its node. The node; nothing when that is not what stands there, or when reading
// failed.
std::optional<FlexString> FindFlexNode(RandomReader& reader, uint64_t offset, uint64_t size_bytes);

}  // namespace batuta::safety
