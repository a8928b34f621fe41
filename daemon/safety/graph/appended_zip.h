#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"

namespace batuta::safety {

// The zip that `file`, which must outlive it, ends with, from `begin` on, as a source of its own; null when
// there is none. Those that add to a file count offsets from its beginning: then they are moved. An error is
// about reading.
absl::StatusOr<std::unique_ptr<ByteSource>> FindAppendedZip(ByteSource& file, uint64_t begin);

}  // namespace batuta::safety
