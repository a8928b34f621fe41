// Whatever the bytes are: no crash, no more memory than the limits allow, and an answer that holds what it
// claims.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "daemon/dependency/sources.h"
#include "daemon/gguf/metadata.h"
#include "tests/support/files/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  batuta::MemoryFile file(std::string(reinterpret_cast<const char*>(data), size));
  const auto all = batuta::gguf::ReadMetadata(file, [](std::string_view) { return true; });
  const auto some = batuta::gguf::ReadMetadata(file, batuta::dependency::IsGgufKey);
  if (all.ok()) {
    // What is kept or not changes nothing about where the header ends.
    if (!some.ok() || some->end_offset != all->end_offset || all->end_offset > size) std::abort();
    batuta::dependency::FromGguf(*all);
  }
  return 0;
}
