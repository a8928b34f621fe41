#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/safety/base/byte_source.h"

namespace batuta::secrets {

// How many bytes of a safetensors or GGUF file, or of a NumPy array of numbers, are its header, where that
// accounts for every byte behind it as tensors: those need no look. Nothing for any other file, and for one
// that is not as its header says. Reads the header. `head` is the beginning of the file.
std::optional<uint64_t> HeaderBytes(safety::ByteSource& file, std::string_view head);

}  // namespace batuta::secrets
