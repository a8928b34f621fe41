// What is safe is told from other files by its beginning, and its names can be read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/safety/tensor/safetensors.h"
#include "daemon/safety/tensor/shard_index.h"
#include "tests/support/safety/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace batuta::safety;  // NOLINT(google-build-using-namespace): three names of it
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  MemorySource source(bytes);
  const bool has_names = ReadTensorNames(source).ok();
  if (FuzzInspector(InspectSafetensors, bytes) && !(has_names && IsSafetensors(bytes))) std::abort();
  return 0;
}
