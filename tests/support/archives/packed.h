#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Compressed bytes for tests: one stream each.
namespace batuta::test {

std::string Deflated(std::string_view bytes);  // raw, as in a zip
std::string Gzipped(std::string_view bytes);
std::string Zlibbed(std::string_view bytes);
std::string Bzipped(std::string_view bytes);
std::string Xzed(std::string_view bytes);
std::string LzmaAlone(std::string_view bytes);
std::string Lz4Framed(std::string_view bytes);
std::string Zstded(std::string_view bytes);

uint32_t Crc32(std::string_view bytes);

}  // namespace batuta::test
