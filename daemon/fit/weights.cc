#include "daemon/fit/weights.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>

#include "daemon/fit/architecture.h"
#include "daemon/fit/label_mix.h"
#include "daemon/gguf/tensor_type.h"

namespace batuta::fit {
namespace {

constexpr uint64_t kMostLayers = 1024;  // as many as a ModelShape has

// The number of the layer that a tensor is of, and the name within it.
struct LayerName {
  size_t layer = 0;
  std::string_view rest;
};

std::optional<LayerName> LayerOf(std::string_view name) {
  for (const std::string_view side : {"enc.", "dec."}) {
    if (name.starts_with(side)) name.remove_prefix(side.size());
  }
  constexpr std::string_view kBlock = "blk.";
  if (!name.starts_with(kBlock)) return std::nullopt;
  name.remove_prefix(kBlock.size());
  LayerName found;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), found.layer);
  if (error != std::errc() || end == name.data() + name.size() || *end != '.') return std::nullopt;
  if (found.layer >= kMostLayers) return std::nullopt;
  found.rest = name.substr(static_cast<size_t>(end - name.data()) + 1);
  return found;
}

// `ffn_up_exps.weight` and the like: one tensor for all experts of a layer.
bool IsOfExperts(std::string_view name) {
  for (const std::string_view kind : {"ffn_gate_up_", "ffn_gate_", "ffn_up_", "ffn_down_"}) {
    if (!name.starts_with(kind)) continue;
    const std::string_view rest = name.substr(kind.size());
    if (rest.starts_with("exps") || rest.starts_with("chexps")) return true;
  }
  return false;
}

bool IsEmbedding(std::string_view name) {
  for (const std::string_view prefix :
       {"token_embd.", "per_layer_token_embd.", "position_embd.", "token_types."}) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

void AddToLayer(const LayerName& name, uint64_t bytes, Weights& weights) {
  if (name.layer >= weights.layers.size()) weights.layers.resize(name.layer + 1);
  LayerWeights& layer = weights.layers[name.layer];
  layer.bytes += bytes;
  if (IsOfExperts(name.rest)) {
    layer.expert_bytes += bytes;
    layer.largest_expert_bytes = std::max(layer.largest_expert_bytes, bytes);
  } else {
    layer.largest_bytes = std::max(layer.largest_bytes, bytes);
  }
}

// Bytes of `elements` in rows of `width`; where the width is no multiple of the block, those of the type that
// is taken instead. Not less than them when `is_most`, else not more.
uint64_t BytesIn(uint32_t type_id, uint64_t elements, uint64_t width, bool is_most) {
  const gguf::TensorType* type = gguf::FindTensorType(type_id);
  if (type == nullptr) return is_most ? 4 * elements : 0;
  if (width % type->block_elements != 0 && is_most) return 2 * elements;  // F16 at the latest
  return elements / type->block_elements * type->block_bytes;
}

constexpr uint32_t kF16 = 1;
constexpr uint32_t kQ80 = 8;
constexpr uint32_t kLeastType = 41;  // the fewest bits of all, Q1_0

uint64_t Minus(uint64_t from, uint64_t what) {
  return from > what ? from - what : 0;
}

// The types that an embedding may be of, whatever the label promises: publishers keep it at a higher
// precision. Ends of a range, by size.
struct Types {
  uint32_t least = kLeastType;
  uint32_t most = kF16;
};

Types EmbeddingTypes(std::string_view label, std::optional<bool> is_tied) {
  const std::optional<LabelMix> mix = MixOf(label);
  if (!mix.has_value()) return {};
  const auto bits = [](uint32_t id) {
    const gguf::TensorType* type = gguf::FindTensorType(id);
    return type == nullptr ? 32.0 : 8.0 * type->block_bytes / type->block_elements;
  };
  const auto by_size = [&](uint32_t one, uint32_t other) { return bits(one) < bits(other); };
  Types types;
  types.least =
      is_tied == false ? mix->embedding_type : std::min(mix->embedding_type, mix->output_type, by_size);
  types.most = std::max({mix->embedding_type, mix->output_type, kQ80}, by_size);
  // Models trained for Q4_0 keep theirs as it was.
  if (label == "Q4_0") types.most = kF16;
  return types;
}

// What the headers of a file take: most of it is the vocabulary.
Range HeaderBytes(uint64_t file_bytes, const ModelShape* shape, const Sibling& sibling) {
  if (sibling.weights != nullptr) {
    constexpr uint64_t kRoom = 2 << 20;  // texts differ, and every part has a header
    const uint64_t its = Minus(sibling.file_bytes, sibling.weights->total_bytes);
    return {Minus(its, kRoom), std::min(its + kRoom, file_bytes)};
  }
  constexpr uint64_t kUnknown = 32 << 20;
  constexpr uint64_t kBesides = 2 << 20;
  constexpr uint64_t kTokenBytes = 112;  // with its merges; 65 at the most are known
  const uint64_t vocabulary = shape == nullptr ? 0 : shape->vocabulary;
  const uint64_t most = vocabulary == 0 ? kUnknown : kBesides + kTokenBytes * vocabulary;
  return {0, std::min(most, file_bytes)};
}

// Of the embeddings: those of tokens alone, which may be needed twice, and all together.
struct Embeddings {
  Range tokens;
  Range all;
};

Embeddings BoundEmbeddings(std::string_view label, const ModelShape* shape, std::optional<bool> is_tied,
                           uint64_t total_bytes) {
  if (shape == nullptr || shape->vocabulary == 0) return {{0, total_bytes}, {0, total_bytes}};
  constexpr uint64_t kMorePadded = 1024;  // tokens that a vocabulary may be filled up with
  const Types types = EmbeddingTypes(label, is_tied);
  const uint64_t width = shape->embedding;
  Embeddings bounds;
  bounds.tokens.least = BytesIn(types.least, shape->vocabulary * width, width, false);
  bounds.tokens.most = BytesIn(types.most, (shape->vocabulary + kMorePadded) * width, width, true);
  const uint64_t further = shape->vocabulary * shape->layer_embedding;
  bounds.all.least = bounds.tokens.least + BytesIn(kLeastType, further, width, false);
  bounds.all.most = bounds.tokens.most + BytesIn(kF16, further, width, true);
  for (Range* range : {&bounds.tokens, &bounds.all}) {
    range->least = std::min(range->least, total_bytes);
    range->most = std::min(range->most, total_bytes);
  }
  return bounds;
}

// No layer takes more than `layer`, and no staging more than `staging`.
struct Largest {
  uint64_t layer = 0;
  uint64_t staging = 0;
};

// Mixes raise some layers by a sixth, rows that are no whole blocks some tensors by nearly as much again as
// they would take: twice the mean, or what a sibling's proportions say, is never too little.
Largest LargestOf(uint64_t in_layers, const ModelShape* shape, const Sibling& sibling) {
  constexpr uint64_t kRoom = 2;
  if (sibling.weights != nullptr) {
    uint64_t layer = 0;
    uint64_t all = sibling.weights->other_bytes;
    for (const LayerWeights& one : sibling.weights->layers) {
      layer = std::max(layer, one.bytes);
      all += one.bytes;
    }
    const auto scaled = [&](uint64_t bytes) {
      const double share = static_cast<double>(bytes) / static_cast<double>(std::max<uint64_t>(all, 1));
      return static_cast<uint64_t>(share * static_cast<double>(kRoom * in_layers)) + 1;
    };
    return {std::min(in_layers, scaled(layer)), scaled(StagingBytes(*sibling.weights))};
  }
  const bool has_experts = shape != nullptr && shape->experts > 0;
  uint64_t layer = in_layers;
  if (shape != nullptr && shape->has_equal_layers) {
    const uint64_t layers = has_experts ? shape->expert_layers : shape->layers.size();
    layer = std::min(in_layers, kRoom * (in_layers / std::max<uint64_t>(layers, 1) + 1));
  }
  return {layer, has_experts ? 2 * layer : layer};
}

}  // namespace

Weights WeightsOf(std::span<const gguf::Header> parts) {
  Weights weights;
  uint64_t token_embedding = 0;
  bool has_output = false;
  bool may_be_tied = true;
  for (const gguf::Header& part : parts) {
    const Architecture* known = FindArchitecture(part.parameters.architecture);
    may_be_tied = may_be_tied && (known == nullptr || known->has_output);
    if (weights.foreign_type.empty()) weights.foreign_type = part.foreign_type;
    for (const gguf::Tensor& tensor : part.tensors) {
      const std::string_view name = tensor.name;
      const uint64_t bytes = tensor.size_bytes;
      weights.total_bytes += bytes;
      weights.parameters += tensor.elements();
      if (name == "token_embd.weight") token_embedding = bytes;
      if (name == "output.weight") has_output = true;
      if (const std::optional<LayerName> layer = LayerOf(name)) {
        AddToLayer(*layer, bytes, weights);
      } else if (IsEmbedding(name)) {
        weights.embedding_bytes += bytes;
      } else if (name.starts_with("output")) {
        weights.output_bytes += bytes;
      } else {
        weights.other_bytes += bytes;
      }
    }
  }
  if (!has_output && may_be_tied) weights.tied_bytes = token_embedding;
  if (weights.parameters > 0) {
    weights.bits_per_weight =
        8.0 * static_cast<double>(weights.total_bytes) / static_cast<double>(weights.parameters);
  }
  return weights;
}

uint64_t StagingBytes(const Weights& weights) {
  uint64_t most = 0;
  for (const LayerWeights& layer : weights.layers) {
    most = std::max({most, layer.largest_bytes, 2 * layer.largest_expert_bytes});
  }
  return most;
}

WeightBounds BoundWeights(uint64_t file_bytes, std::string_view label, const ModelShape* shape,
                          const Sibling& sibling) {
  WeightBounds bounds;
  const Range header = HeaderBytes(file_bytes, shape, sibling);
  bounds.total = {file_bytes - header.most, file_bytes - header.least};

  std::optional<bool> is_tied;
  if (sibling.weights != nullptr) is_tied = sibling.weights->tied_bytes > 0;
  if (shape != nullptr && !shape->has_output) is_tied = false;
  const Embeddings embeddings = BoundEmbeddings(label, shape, is_tied, bounds.total.most);
  bounds.embedding = embeddings.all;
  if (is_tied == true) bounds.tied.least = embeddings.tokens.least;
  if (is_tied != false) bounds.tied.most = embeddings.tokens.most;

  bounds.on_gpu.least = Minus(bounds.total.least, bounds.embedding.most) + bounds.tied.least;
  bounds.on_gpu.most = Minus(bounds.total.most, bounds.embedding.least) + bounds.tied.most;
  if (is_tied == true && shape != nullptr && shape->layer_embedding == 0) {
    // The copy makes up for what stays in memory, but for small tables of positions and the like.
    constexpr uint64_t kTables = 64 << 20;
    bounds.on_gpu.least = std::max(bounds.on_gpu.least, Minus(bounds.total.least, kTables));
    bounds.on_gpu.most = std::min(bounds.on_gpu.most, bounds.total.most);
  }

  const uint64_t in_layers = Minus(bounds.total.most, bounds.embedding.least);
  const Largest largest = LargestOf(in_layers, shape, sibling);
  bounds.largest_unit = std::max(largest.layer, embeddings.tokens.most);
  bounds.staging = largest.staging;
  return bounds;
}

WeightBounds BoundsOf(const Weights& weights) {
  const auto exactly = [](uint64_t bytes) { return Range{bytes, bytes}; };
  WeightBounds bounds;
  bounds.total = exactly(weights.total_bytes);
  bounds.embedding = exactly(weights.embedding_bytes);
  bounds.tied = exactly(weights.tied_bytes);
  bounds.on_gpu = exactly(weights.total_bytes - weights.embedding_bytes + weights.tied_bytes);
  bounds.largest_unit = weights.output_bytes + weights.tied_bytes;
  for (const LayerWeights& layer : weights.layers) {
    bounds.largest_unit = std::max(bounds.largest_unit, layer.bytes + weights.other_bytes);
  }
  bounds.staging = StagingBytes(weights);
  return bounds;
}

}  // namespace batuta::fit
