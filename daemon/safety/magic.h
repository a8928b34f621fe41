#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/safety/base/rule.h"

namespace batuta::safety {

// Bytes by which a file is refused at once, whatever else it holds.
struct Magic {
  uint32_t offset = 0;
  std::string_view bytes;
  std::string_view format;  // "ELF"
  const Rule* rule = nullptr;
};

// The one that a file has which begins with `first`; null when it has none.
const Magic* FindMagic(std::string_view first);

}  // namespace batuta::safety
