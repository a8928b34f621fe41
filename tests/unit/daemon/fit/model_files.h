#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/machine/machine.h"
#include "daemon/fit/model_shape.h"
#include "daemon/fit/weights.h"
#include "daemon/gguf/header.h"

// Headers of well-known models as their files have them, without files.
namespace batuta::fit {

inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kGiB = uint64_t{1} << 30;

// What the shape of a transformer follows from.
struct ModelSpec {
  std::string architecture = "llama";
  uint64_t layers = 32;
  uint64_t embedding = 4096;
  uint64_t heads = 32;
  uint64_t key_heads = 8;
  uint64_t head_width = 128;
  uint64_t feed_forward = 14336;
  uint64_t vocabulary = 128256;
  uint64_t context = 131072;
  uint64_t window = 0;
  bool is_tied = false;
  bool has_biases = false;
  uint64_t experts = 0;
  uint64_t used_experts = 0;
  uint64_t expert_width = 0;
};

ModelSpec Llama8B();
ModelSpec Llama70B();
ModelSpec Qwen7B();
ModelSpec Qwen72B();
ModelSpec Gemma9B();
ModelSpec Mixtral();

gguf::HyperParameters ParametersOf(const ModelSpec& spec);

// `key` of the architecture set to a number, or to one for each layer.
void Set(gguf::HyperParameters& parameters, std::string_view key, int64_t value);
void Set(gguf::HyperParameters& parameters, std::string_view key, std::vector<int64_t> values);

// The types of tensors, by id. `raised` is of attn_v and ffn_down in some layers.
struct MixSpec {
  uint32_t layers = 12;
  uint32_t raised = 14;
  uint32_t embedding = 12;
  uint32_t output = 14;
};

inline constexpr MixSpec kQ4KM = {};
inline constexpr MixSpec kQ8 = {8, 8, 8, 8};
inline constexpr MixSpec kF16 = {1, 1, 1, 1};

// One file; sizes, offsets and all.
gguf::Header HeaderOf(const ModelSpec& spec, const MixSpec& mix);

std::shared_ptr<const ModelShape> ShapeOf(const ModelSpec& spec);
std::shared_ptr<const Weights> WeightsOf(const ModelSpec& spec, const MixSpec& mix);

// A label with what its variants are made of, as llama-quantize does it.
struct LabelledMix {
  std::string_view label;
  MixSpec mix;
};

const std::vector<LabelledMix>& AllMixes();

// For properties: models of all kinds, small enough that layers matter, and machines around `bytes`.
ModelSpec RandomModel(std::mt19937_64& random);
Machine RandomMachine(std::mt19937_64& random, uint64_t bytes);
uint64_t Between(std::mt19937_64& random, uint64_t least, uint64_t most);

}  // namespace batuta::fit
