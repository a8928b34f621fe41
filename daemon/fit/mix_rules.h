#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/gguf/header.h"

namespace batuta::fit {

// What the quantizer looks at besides names and shapes of tensors.
struct QuantizedModel {
  uint64_t layers = 0;
  uint64_t experts = 0;
  uint64_t queries_per_key = 1;  // heads that share a key
  bool has_imatrix = false;      // an importance matrix was there
};

// Which type llama-quantize gives each of `tensors`, all of a model in their order, in the mix of that label.
// Nothing for a label that has no rules: dynamic mixes, forks. Pure. A promise about no file: publishers have
// rules of their own, and those of the program change. See Inferred() for what is believed.
std::optional<std::vector<uint32_t>> TypesOf(std::string_view label, const QuantizedModel& model,
                                             std::span<const gguf::Tensor> tensors);

}  // namespace batuta::fit
