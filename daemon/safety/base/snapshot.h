#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"

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

}  // namespace batuta::safety
