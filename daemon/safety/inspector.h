#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/subject.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::safety {

struct Outcome {
  Verdict verdict;      // of what was seen
  absl::Status status;  // where reading stopped; while it is not OK, a verdict without findings says nothing
};

// What the file is by its bytes, and whether loading it can do more than give numbers and text. `path` counts
// only as far as NameClass() goes, so that a verdict may be kept for the bytes and that class. Places in the
// findings begin inside the file: empty for the file itself, "archive/data.pkl" for a member.
//
// Pure but for reading `bytes`; in time and memory bounded by `limits` and linear in the size, and far below
// it for weights, of which only headers are read.
Outcome Inspect(std::string_view path, ByteSource& bytes, const Limits& limits = {});

}  // namespace batuta::safety
