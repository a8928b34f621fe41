#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/support/safety/inspect.h"

namespace batuta::safety {

// Whatever the bytes are: an answer, without a crash. A file that is safe is so to its last byte: followed by
// anything it is not. Answers whether it is safe.
inline bool FuzzInspector(Subject::Inspector parser, std::string_view bytes) {
  MemorySource source(bytes);
  const Inspected inspected = InspectWith(parser, source);
  if (!inspected.status.ok() || inspected.verdict.format.empty()) std::abort();
  if (!inspected.verdict.grades.empty()) return false;
  if (InspectWith(parser, std::string(bytes) + '\x0b').grades.empty()) std::abort();
  return true;
}

}  // namespace batuta::safety
