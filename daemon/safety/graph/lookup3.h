#pragma once

#include <cstdint>
#include <string_view>

namespace batuta::safety {

// The checksum of HDF5's structures: Jenkins' lookup3, with 0 to begin with.
uint32_t Lookup3(std::string_view bytes);

}  // namespace batuta::safety
