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

// Weights in memory are copied to a GPU for large batches: room for the largest tensor of a layer, or for two
// of experts.
uint64_t StagingBytes(const Weights& weights);

// What is known of a group without seeing the tensors.
struct Range {
  uint64_t least = 0;
  uint64_t most = 0;
};

struct WeightBounds {
  Range total;      // each tensor once
  Range embedding;  // of that, what always stays in the memory of the machine
  Range tied;       // second copy of an embedding on a GPU; both 0 when it is known that there is none
  Range on_gpu;     // all but `embedding`, and `tied`
  uint64_t largest_unit = 0;  // no layer, and not the output, is larger
  uint64_t staging = 0;       // StagingBytes() is not more
};

// Of a variant by its label and the size of its files, which are its weights and headers. `shape` (null = not
// known) and a sibling, another variant of the same model of which the weights are known (null = none), make
// them narrower.
struct Sibling {
  const Weights* weights = nullptr;
  uint64_t file_bytes = 0;
};

WeightBounds BoundWeights(uint64_t file_bytes, std::string_view label, const ModelShape* shape,
                          const Sibling& sibling = {});

// Exact bounds, of known weights.
WeightBounds BoundsOf(const Weights& weights);

}  // namespace batuta::fit
