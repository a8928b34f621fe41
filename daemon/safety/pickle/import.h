#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/safety/pickle/known.h"

namespace batuta::safety::pickle {

// A global that a pickle asks for.
struct Import {
  std::string module;  // as written
  std::string name;
  const Known* known = nullptr;       // null: not known to be harmless
  std::string_view danger;            // what else is known of it
  uint64_t offset = 0;                // of the first import
  std::optional<uint64_t> called_at;  // of the first call
};

}  // namespace batuta::safety::pickle
