#include "daemon/fit/inference.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/fit/mix_rules.h"
#include "daemon/gguf/tensor_type.h"

namespace batuta::fit {
namespace {

using gguf::Tensor;

constexpr uint64_t kFixedHeaderBytes = 24;
constexpr uint64_t kSplitKeysBytes = 82;       // all that later parts have
constexpr uint64_t kMostDifference = 8 << 10;  // of keys: names of files, texts of an importance matrix
constexpr uint64_t kMostPartDifference = 512;  // of later parts
constexpr uint64_t kMostTensors = 100'000;

// The number of a layer, and the name within it.
struct Place {
  uint64_t layer = 0;
  std::string_view rest;
};

std::optional<Place> PlaceOf(std::string_view name) {
  constexpr std::string_view kBlock = "blk.";
  if (!name.starts_with(kBlock)) return std::nullopt;
  Place place;
  const char* const end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + kBlock.size(), end, place.layer);
  if (error != std::errc() || at == end || *at != '.') return std::nullopt;
  place.rest = std::string_view(at + 1, static_cast<size_t>(end - at - 1));
  return place;
}

bool IsAlike(const Tensor& one, const Tensor& other) {
  const std::optional<Place> first = PlaceOf(one.name);
  const std::optional<Place> second = PlaceOf(other.name);
  return first && second && first->rest == second->rest && one.dimensions == other.dimensions;
}

// Layers whose tensors are all here, from the first on, and the tensors outside.
struct Layers {
  std::vector<std::vector<Tensor>> whole;
  std::vector<Tensor> cut;  // of the next layer, of which there may be more
  std::vector<Tensor> outside;
};

std::optional<Layers> LayersOf(const std::vector<Tensor>& tensors) {
  Layers layers;
  for (const Tensor& tensor : tensors) {
    const std::optional<Place> place = PlaceOf(tensor.name);
    if (!place) {
      layers.outside.push_back(tensor);
      continue;
    }
    if (place->layer == layers.whole.size()) layers.whole.emplace_back();
    if (place->layer + 1 != layers.whole.size()) return std::nullopt;  // not one after the other
    layers.whole.back().push_back(tensor);
  }
  if (layers.whole.empty()) return std::nullopt;
  layers.cut = std::move(layers.whole.back());
  layers.whole.pop_back();
  return layers;
}

// Do two layers keep the same between tokens? Then their tensors are taken to be of the same shapes.
bool IsOfOneKind(const LayerShape& one, const LayerShape& other) {
  return one.key_width == other.key_width && one.value_width == other.value_width &&
         one.state_bytes == other.state_bytes;
}

// The layers that are not here are as the last one of their kind that is.
std::optional<std::vector<Tensor>> Completed(const Layers& layers, const std::vector<LayerShape>& kinds,
                                             uint64_t tensor_count) {
  if (layers.whole.size() >= kinds.size()) return std::nullopt;
  std::vector<Tensor> tensors = layers.outside;
  for (const std::vector<Tensor>& layer : layers.whole)
    tensors.insert(tensors.end(), layer.begin(), layer.end());
  for (size_t number = layers.whole.size(); number < kinds.size(); ++number) {
    size_t like = layers.whole.size();
    while (like > 0 && !IsOfOneKind(kinds[like - 1], kinds[number])) --like;
    if (like == 0) return std::nullopt;
    const std::vector<Tensor>& model = layers.whole[like - 1];
    const bool is_begun = number == layers.whole.size();
    if (is_begun && (layers.cut.size() > model.size() ||
                     !std::equal(layers.cut.begin(), layers.cut.end(), model.begin(), IsAlike))) {
      return std::nullopt;
    }
    for (const Tensor& tensor : model) {
      tensors.push_back(tensor);
      tensors.back().name = fmt::format("blk.{}.{}", number, PlaceOf(tensor.name)->rest);
    }
  }
  if (tensors.size() != tensor_count) return std::nullopt;
  return tensors;
}

// As the quantizer orders them: outside of the layers first, then layer by layer, each by name.
void Order(std::vector<Tensor>& tensors) {
  const auto key = [](const Tensor& tensor) {
    const std::optional<Place> place = PlaceOf(tensor.name);
    return std::pair(place ? place->layer + 1 : 0, std::string_view(tensor.name));
  };
  std::sort(tensors.begin(), tensors.end(),
            [&](const Tensor& one, const Tensor& other) { return key(one) < key(other); });
}

// All tensors of the model.
std::optional<std::vector<Tensor>> TensorsOf(const gguf::Header& seen) {
  const std::optional<int64_t> told = seen.parameters.metadata.Number("split.tensors.count");
  const uint64_t count = told && *told > 0 ? static_cast<uint64_t>(*told) : seen.tensors.size();
  if (count == seen.tensors.size()) return seen.tensors;
  const absl::StatusOr<ModelShape> shape = ShapeOfGguf(seen.parameters);
  const std::optional<Layers> layers = LayersOf(seen.tensors);
  if (!shape.ok() || !layers || count > kMostTensors) return std::nullopt;
  return Completed(*layers, shape->layers, count);
}

QuantizedModel ModelOf(const gguf::HyperParameters& parameters) {
  const auto first = [&](std::string_view key) -> uint64_t {
    const std::vector<int64_t> numbers = parameters.Numbers(key);
    return numbers.empty() || numbers.front() < 0 ? 0 : static_cast<uint64_t>(numbers.front());
  };
  const uint64_t heads = first("attention.head_count");
  const uint64_t key_heads = first("attention.head_count_kv");
  return {.layers = first("block_count"),
          .experts = first("expert_count"),
          .queries_per_key = key_heads == 0 ? 0 : heads / key_heads};
}

uint64_t InfoBytes(const Tensor& tensor) {
  uint64_t dimensions = tensor.dimensions.size();
  while (dimensions > 1 && tensor.dimensions[dimensions - 1] == 1) --dimensions;
  return 8 + tensor.name.size() + 4 + 8 * dimensions + 4 + 8;
}

uint64_t Padded(uint64_t bytes, uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

uint64_t Distance(uint64_t one, uint64_t other) {
  return one > other ? one - other : other - one;
}

// Do the tensors fill the files, part by part? `key_bytes`: of the key-values in the header of the first.
bool AccountsFor(const std::vector<Tensor>& tensors, std::span<const uint64_t> part_bytes, uint64_t key_bytes,
                 uint64_t alignment) {
  size_t end = tensors.size();
  for (size_t part = part_bytes.size(); part-- > 0;) {
    const bool is_first = part == 0;
    const uint64_t most = is_first ? kMostDifference : kMostPartDifference;
    uint64_t header = kFixedHeaderBytes + (is_first ? key_bytes : kSplitKeysBytes);
    uint64_t data = 0;
    size_t begin = end;
    while (begin > 0 && (is_first || Padded(header, alignment) + data + most < part_bytes[part])) {
      --begin;
      header += InfoBytes(tensors[begin]);
      data += Padded(tensors[begin].size_bytes, alignment);
    }
    if (Distance(Padded(header, alignment) + data, part_bytes[part]) > most) return false;
    end = begin;
  }
  return end == 0;
}

// With the types of a mix; nothing where they do not follow.
std::optional<std::vector<Tensor>> Quantized(std::vector<Tensor> tensors, std::string_view label,
                                             const QuantizedModel& model) {
  const std::optional<std::vector<uint32_t>> types = TypesOf(label, model, tensors);
  if (!types) return std::nullopt;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const gguf::TensorType* const type = gguf::FindTensorType((*types)[i]);
    tensors[i].type = (*types)[i];
    tensors[i].size_bytes = tensors[i].elements() / type->block_elements * type->block_bytes;
  }
  return tensors;
}

bool HasTypesOf(const std::vector<Tensor>& tensors, const gguf::Header& seen) {
  std::map<std::string_view, uint32_t> types;
  for (const Tensor& tensor : tensors) types.emplace(tensor.name, tensor.type);
  return std::all_of(seen.tensors.begin(), seen.tensors.end(), [&](const Tensor& tensor) {
    const auto found = types.find(tensor.name);
    return found != types.end() && found->second == tensor.type;
  });
}

}  // namespace

std::optional<Weights> Inferred(const gguf::Header& seen, bool is_own, const VariantFiles& variant) {
  std::optional<std::vector<Tensor>> ordered = TensorsOf(seen);
  if (!ordered || seen.infos.begin < kFixedHeaderBytes || variant.part_bytes.empty()) return std::nullopt;
  const std::vector<Tensor> as_seen = *ordered;
  Order(*ordered);
  QuantizedModel model = ModelOf(seen.parameters);
  for (const std::vector<Tensor>& tensors : {*ordered, as_seen}) {
    for (const bool has_imatrix : {true, false}) {
      model.has_imatrix = has_imatrix;
      std::optional<std::vector<Tensor>> quantized = Quantized(tensors, variant.label, model);
      if (!quantized) return std::nullopt;
      if (!AccountsFor(*quantized, variant.part_bytes, seen.infos.begin - kFixedHeaderBytes,
                       seen.alignment) ||
          (is_own && !HasTypesOf(*quantized, seen))) {
        continue;
      }
      gguf::Header all;
      all.parameters = seen.parameters;
      all.tensors = *std::move(quantized);
      return WeightsOf(std::span(&all, 1));
    }
  }
  return std::nullopt;
}

}  // namespace batuta::fit
