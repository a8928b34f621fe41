#pragma once

#include <cstdint>
#include <string_view>

namespace batuta::safety::pickle {

// Could an unpickler that takes `bytes` for opcodes come to an import in them? Said of the raw bytes of an
// array that another loader passes over. `left_bytes` are those to the end of the file; where it cannot be
// told, it could.
bool CouldImport(std::string_view bytes, uint64_t left_bytes);

}  // namespace batuta::safety::pickle
