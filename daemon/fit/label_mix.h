#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace batuta::fit {

// The types of the tensors outside the layers, by the rules of llama-quantize. Ids as in gguf/tensor_type.h.
struct LabelMix {
  uint32_t embedding_type = 0;  // of an embedding that is not the output too
  uint32_t output_type = 0;     // of the output, also when that is the embedding
};

// nullopt where a label promises nothing: dynamic mixes, forks, no label.
std::optional<LabelMix> MixOf(std::string_view label);

}  // namespace batuta::fit
