#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/gguf/header.h"

namespace batuta::fit {

// What a layer keeps between tokens.
struct LayerShape {
  uint64_t key_width = 0;  // elements a token in the attention cache, of all heads together; 0 = no cache
  uint64_t value_width = 0;
  bool is_windowed = false;  // it looks back `ModelShape::window` tokens only
  uint64_t state_bytes = 0;  // of a recurrent layer, for one sequence, whatever the context
};

// What the need of a model depends on, besides the sizes of its weights. The same for all variants of a
// model. Every number is bounded, so that sums of products of them fit 64 bits.
struct ModelShape {
  std::string architecture;
  uint64_t trained_context = 0;  // tokens; 0 = not known
  uint64_t window = 0;           // tokens that a windowed layer looks back
  std::vector<LayerShape> layers;

  uint64_t embedding = 0;        // width of a token
  uint64_t layer_embedding = 0;  // of a token's further embeddings, of all layers together
  uint64_t vocabulary = 0;       // 0 = not known
  bool has_output = true;        // it computes a probability of each token of the vocabulary
  uint64_t heads = 0;            // of attention, the most in a layer
  uint64_t latent_width = 0;     // of keys and values of latent attention (MLA); 0 = it has none
  uint64_t feed_forward = 0;     // of a layer; of all experts together that work at once
  uint64_t experts = 0;          // 0 = not a mixture
  uint64_t expert_layers = 0;    // layers that have experts
  bool has_equal_layers = true;  // layers with the same kind of feed-forward are of about equal size

  std::vector<std::string> notes;  // what was assumed; sentences for a person
};

// Tables of the architectures (architecture.h) applied to a file's hyper-parameters. Of an architecture that
// is not in them, what takes more memory is assumed.
//   kFailedPrecondition  the file is not a model (a projector, an adapter, …).
//   kInvalidArgument     a number that is needed is missing or absurd.
absl::StatusOr<ModelShape> ShapeOfGguf(const gguf::HyperParameters& parameters);

// The same of a `config.json`, for repos of safetensors.
//   kInvalidArgument  no JSON, or no language model.
absl::StatusOr<ModelShape> ShapeOfConfig(std::string_view config_json);

}  // namespace batuta::fit
