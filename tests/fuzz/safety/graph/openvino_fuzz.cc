#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/safety/graph/openvino.h"
#include "tests/support/safety/inspect.h"

// Whatever the bytes are: an answer. Text may follow text, so nothing is said of what is added.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  batuta::safety::MemorySource source({reinterpret_cast<const char*>(data), size});
  const auto inspected = batuta::safety::InspectWith(batuta::safety::InspectOpenvino, source);
  if (!inspected.status.ok() || inspected.verdict.format.empty()) std::abort();
  return 0;
}
