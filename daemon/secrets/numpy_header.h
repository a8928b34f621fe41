#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace batuta::secrets {

// How many bytes the numbers take that a header of a NumPy array (.npy) speaks of: `text` is the dictionary,
// as NumPy writes it and with nothing else in it. Nothing for any other text, and for what is no number:
// objects, strings, raw bytes, fields, dates; nor for numbers of one byte each, since text is often kept so.
// Pure.
std::optional<uint64_t> NumpyDataBytes(std::string_view text);

}  // namespace batuta::secrets
