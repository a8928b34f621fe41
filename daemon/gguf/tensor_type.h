#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace batuta::gguf {

// How the elements of a tensor are stored: block by block, each of so many elements and bytes.
struct TensorType {
  std::string_view name;  // "Q4_K"
  uint32_t block_elements = 0;
  uint32_t block_bytes = 0;
};

// Ids from here on are newer than this table.
inline constexpr uint32_t kTensorTypeCount = 43;

// The type of that id in a file; null when it was withdrawn or is newer than the table. Valid for ever.
const TensorType* FindTensorType(uint32_t id);

// The name of a type that files are of and the usual programs do not load: withdrawn, or of a fork. `type 99`
// when it is newer than what is known here.
std::string ForeignTypeName(uint32_t id);

}  // namespace batuta::gguf
