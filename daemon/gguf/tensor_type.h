#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace batuta::gguf {

// How the elements of a tensor are stored: block by block, each of so many elements and bytes.
struct TensorType {
  std::string_view name;  // "Q4_K"
  uint32_t block_elements = 0;
  uint32_t block_bytes = 0;
  uint32_t row_bytes = 0;  // besides the blocks, for every row
};

// Ids from here on are newer than this table.
inline constexpr uint32_t kTensorTypeCount = 43;

// The type of that id in a file; null when it was withdrawn or is newer than the table. Valid for ever.
const TensorType* FindTensorType(uint32_t id);

// Types that files are of and the usual programs do not load: withdrawn ones, and those of forks, of which
// only the name may be known (then `block_elements` is 0). Null when it is none of them.
const TensorType* FindForeignType(uint32_t id);

}  // namespace batuta::gguf
