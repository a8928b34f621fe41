#include <cstdint>
#include <string_view>

#include "daemon/safety/graph/checkpoint_index.h"
#include "tests/support/safety/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  batuta::safety::FuzzInspector(batuta::safety::InspectCheckpointIndex,
                                {reinterpret_cast<const char*>(data), size});
  return 0;
}
