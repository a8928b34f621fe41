#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/inspector.h"

namespace batuta::safety {

// The files of one snapshot or folder. Paths are relative to it, with /.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  // Of a regular file; nothing when there is none, or something else.
  virtual std::optional<uint64_t> SizeBytes(std::string_view path) = 0;

  // One that SizeBytes() knows. An error: it cannot be read here, or not yet.
  virtual absl::StatusOr<std::unique_ptr<ByteSource>> Open(std::string_view path) = 0;
};

// Does a file of that name speak of others? InspectAmongOthers() says nothing of any other.
bool SpeaksOfOthers(std::string_view path);

// What a file says of the others beside it, held against them; Inspect() has judged it by itself before. An
// index of safetensors names files that hold its tensors, a model of ONNX or OpenVINO has data beside it, a
// part of a GGUF model its number among the parts. Nothing of this is kept by content: it depends on the
// other files.
Outcome InspectAmongOthers(std::string_view path, Snapshot& snapshot);

}  // namespace batuta::safety
