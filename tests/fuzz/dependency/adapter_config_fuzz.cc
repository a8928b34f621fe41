#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/dependency/sources.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (batuta::dependency::FromAdapterConfig(text).size() > 1) std::abort();
  // The same bytes as the bare name: what is read as one must read as the same again.
  if (const auto base = batuta::dependency::ParseBaseName(text)) {
    const auto again = batuta::dependency::ParseBaseName(base->repo.id());
    if (!again || again->repo != base->repo) std::abort();
  }
  return 0;
}
