// What is safe can be read by the other reader of GGUF that there is here.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/gguf/metadata.h"
#include "daemon/safety/tensor/gguf.h"
#include "tests/support/files/memory_file.h"
#include "tests/support/safety/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (batuta::safety::FuzzInspector(batuta::safety::InspectGguf, bytes)) {
    batuta::MemoryFile file{std::string(bytes)};
    const auto metadata = batuta::gguf::ReadMetadata(file, [](std::string_view) { return true; });
    if (absl::IsDataLoss(metadata.status())) std::abort();
  }
  return 0;
}
