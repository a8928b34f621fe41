#pragma once

#include <cstdint>

#include "absl/status/status.h"

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/subject.h"
#include "daemon/safety/pickle/machine.h"

namespace batuta::safety::pickle {

// Walks one pickle from where the reader stands; it must end where the bytes do.
absl::Status InspectSingle(Subject& subject, ByteReader& reader, const Dialect& dialect);

// What is said after the last pickle of a file: of its imports, and that it is clean, when it `is_whole` and
// nothing of it was refused.
void Finish(Subject& subject, Machine& machine, bool is_whole);

// Says false, for a caller that says the same.
bool FindTrailing(Subject& subject, uint64_t at);

}  // namespace batuta::safety::pickle
