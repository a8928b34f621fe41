#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/dependency/sources.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using batuta::dependency::DependenciesOf;
  const std::string readme(reinterpret_cast<const char*>(data), size);
  const auto found = DependenciesOf({.adapter_configs = {}, .readme = readme, .ggufs = {}, .tags = {}});
  // Each base once.
  if (batuta::dependency::Unite(found) != found) std::abort();
  return 0;
}
