#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

// Writes safetensors files.
namespace batuta::formats {

// A file with that header, as it is, and so many bytes of data.
std::string Safetensors(std::string_view header, uint64_t data_bytes);

// Any valid file, of a few kilobytes: every dtype, zero-size tensors, any order, names with escapes.
std::string RandomSafetensors(std::mt19937_64& random);

}  // namespace batuta::formats
