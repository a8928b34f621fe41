#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/fit/model_shape.h"
#include "daemon/gguf/header.h"

namespace batuta::fit {

struct LayerWeights {
  uint64_t bytes = 0;                 // all of it
  uint64_t expert_bytes = 0;          // of that, the experts
  uint64_t largest_bytes = 0;         // the largest tensor that is no expert's
  uint64_t largest_expert_bytes = 0;  // the largest of the experts'
};

// The tensors of a variant in the groups that are placed together.
struct Weights {
  uint64_t embedding_bytes = 0;  // always in the memory of the machine
  uint64_t output_bytes = 0;     // with the last layer's device
  uint64_t tied_bytes = 0;  // second copy of the embedding on the GPU that computes the output; 0 = not tied
  std::vector<LayerWeights> layers;
  uint64_t other_bytes = 0;  // goes with the first layer
  uint64_t total_bytes = 0;  // each tensor once
  uint64_t parameters = 0;
  double bits_per_weight = 0;
  std::string foreign_type;  // of some tensor, which the usual programs do not load; "" = none
};

// Of the headers of all parts of one variant.
Weights WeightsOf(std::span<const gguf::Header> parts);

// What is known of a group without seeing the tensors.
struct Range {
  uint64_t least = 0;
  uint64_t most = 0;
};

struct WeightBounds {
  Range total;
  Range embedding;
  Range output;
  Range tied;                  // both 0 when it is known that it is not tied
  Range in_layers;             // with the other tensors
  uint64_t largest_layer = 0;  // no layer is larger
};

// Of a variant by its label and the size of its files. `shape` may be null, and so may `sibling`: the weights
// of another variant of the same model, `sibling_file_bytes` long.
WeightBounds BoundWeights(uint64_t file_bytes, std::string_view label, const ModelShape* shape,
                          const Weights* sibling, uint64_t sibling_file_bytes);

// Exact bounds, of known weights.
WeightBounds BoundsOf(const Weights& weights);

}  // namespace batuta::fit
