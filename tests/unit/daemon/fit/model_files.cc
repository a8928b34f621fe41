#include "tests/unit/daemon/fit/model_files.h"

#include <array>
#include <cstdlib>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "daemon/gguf/tensor_type.h"

namespace batuta::fit {
namespace {

constexpr uint64_t kAlignment = 32;

// What a row that is no whole number of blocks is stored in.
uint32_t Fallback(uint32_t type, uint64_t row) {
  if (row % gguf::FindTensorType(type)->block_elements == 0) return type;
  switch (type) {
    case 12:
      return 6;
    case 13:
      return 7;
    case 14:
      return 8;
    default:
      return type == 8 || type == 1 ? 1 : 2;
  }
}

class Writer {
 public:
  void Add(std::string name, uint32_t type, uint64_t row, uint64_t rows = 1, uint64_t sheets = 1) {
    const uint32_t stored = rows == 1 && sheets == 1 ? 0 : Fallback(type, row);
    gguf::Tensor tensor{.name = std::move(name), .type = stored};
    tensor.dimensions = {row, rows, sheets, 1};
    const gguf::TensorType* found = gguf::FindTensorType(stored);
    tensor.offset = (header_.data_bytes + kAlignment - 1) / kAlignment * kAlignment;
    tensor.size_bytes = tensor.elements() / found->block_elements * found->block_bytes;
    header_.data_bytes = tensor.offset + tensor.size_bytes;
    header_.tensors.push_back(std::move(tensor));
  }

  gguf::Header& header() { return header_; }

 private:
  gguf::Header header_;
};

// The layers that a mix of medium size stores at a higher precision.
bool IsRaised(uint64_t layer, uint64_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

void AddLayer(const ModelSpec& spec, const MixSpec& mix, uint64_t i, Writer& writer) {
  const auto add = [&](std::string_view name, uint32_t type, uint64_t row, uint64_t rows = 1,
                       uint64_t sheets = 1) {
    writer.Add(fmt::format("blk.{}.{}.weight", i, name), type, row, rows, sheets);
  };
  const uint32_t high = IsRaised(i, spec.layers) ? mix.raised : mix.layers;
  const uint64_t queries = spec.heads * spec.head_width;
  const uint64_t keys = spec.key_heads * spec.head_width;
  // Mixtures of eight keep what all experts share at a higher precision.
  const bool is_of_eight = spec.experts == 8 && mix.layers == 12;
  add("attn_k", is_of_eight ? 8 : mix.layers, spec.embedding, keys);
  add("attn_norm", 0, spec.embedding);
  add("attn_output", is_of_eight ? 13 : mix.layers, queries, spec.embedding);
  add("attn_q", mix.layers, spec.embedding, queries);
  add("attn_v", is_of_eight ? 8 : high, spec.embedding, keys);
  add("ffn_norm", 0, spec.embedding);
  if (spec.has_biases) {
    writer.Add(fmt::format("blk.{}.attn_q.bias", i), 0, queries);
    writer.Add(fmt::format("blk.{}.attn_k.bias", i), 0, keys);
    writer.Add(fmt::format("blk.{}.attn_v.bias", i), 0, keys);
  }
  if (spec.experts == 0) {
    add("ffn_down", high, spec.feed_forward, spec.embedding);
    add("ffn_gate", mix.layers, spec.embedding, spec.feed_forward);
    add("ffn_up", mix.layers, spec.embedding, spec.feed_forward);
    return;
  }
  const uint64_t width = spec.expert_width > 0 ? spec.expert_width : spec.feed_forward;
  add("ffn_gate_inp", 0, spec.embedding, spec.experts);
  add("ffn_down_exps", high, width, spec.embedding, spec.experts);
  add("ffn_gate_exps", mix.layers, spec.embedding, width, spec.experts);
  add("ffn_up_exps", mix.layers, spec.embedding, width, spec.experts);
}

}  // namespace

ModelSpec Llama8B() {
  return {};
}

ModelSpec Llama70B() {
  return {.layers = 80, .embedding = 8192, .heads = 64, .feed_forward = 28672};
}

ModelSpec Qwen7B() {
  return {.architecture = "qwen2",
          .layers = 28,
          .embedding = 3584,
          .heads = 28,
          .key_heads = 4,
          .feed_forward = 18944,
          .vocabulary = 152064,
          .context = 32768,
          .has_biases = true};
}

ModelSpec Qwen72B() {
  return {.architecture = "qwen2",
          .layers = 80,
          .embedding = 8192,
          .heads = 64,
          .feed_forward = 29568,
          .vocabulary = 152064,
          .context = 32768,
          .has_biases = true};
}

ModelSpec Gemma9B() {
  return {.architecture = "gemma2",
          .layers = 42,
          .embedding = 3584,
          .heads = 16,
          .head_width = 256,
          .vocabulary = 256000,
          .context = 8192,
          .window = 4096,
          .is_tied = true};
}

ModelSpec Mixtral() {
  return {.vocabulary = 32000, .context = 32768, .experts = 8, .used_experts = 2};
}

gguf::HyperParameters ParametersOf(const ModelSpec& spec) {
  gguf::HyperParameters parameters;
  parameters.architecture = spec.architecture;
  parameters.token_count = spec.vocabulary;
  const auto set = [&](std::string_view key, uint64_t value) {
    if (value > 0) Set(parameters, key, static_cast<int64_t>(value));
  };
  set("block_count", spec.layers);
  set("embedding_length", spec.embedding);
  set("attention.head_count", spec.heads);
  set("attention.head_count_kv", spec.key_heads);
  set("attention.key_length", spec.head_width);
  set("attention.value_length", spec.head_width);
  set("feed_forward_length", spec.feed_forward);
  set("context_length", spec.context);
  set("attention.sliding_window", spec.window);
  set("expert_count", spec.experts);
  set("expert_used_count", spec.used_experts);
  set("expert_feed_forward_length", spec.expert_width);
  return parameters;
}

void Set(gguf::HyperParameters& parameters, std::string_view key, int64_t value) {
  parameters.metadata.values[fmt::format("{}.{}", parameters.architecture, key)] = value;
}

void Set(gguf::HyperParameters& parameters, std::string_view key, std::vector<int64_t> values) {
  const uint64_t count = values.size();
  parameters.metadata.values[fmt::format("{}.{}", parameters.architecture, key)] =
      gguf::Array{5, count, std::move(values)};
}

gguf::Header HeaderOf(const ModelSpec& spec, const MixSpec& mix) {
  Writer writer;
  writer.header().parameters = ParametersOf(spec);
  if (!spec.is_tied) writer.Add("output.weight", mix.output, spec.embedding, spec.vocabulary);
  writer.Add("output_norm.weight", 0, spec.embedding);
  writer.Add("token_embd.weight", spec.is_tied ? mix.output : mix.embedding, spec.embedding, spec.vocabulary);
  if (spec.architecture == "llama" && spec.experts == 0) {
    writer.Add("rope_freqs.weight", 0, spec.head_width / 2);
  }
  for (uint64_t i = 0; i < spec.layers; ++i) AddLayer(spec, mix, i, writer);
  return writer.header();
}

std::shared_ptr<const ModelShape> ShapeOf(const ModelSpec& spec) {
  const auto shape = ShapeOfGguf(ParametersOf(spec));
  if (!shape.ok()) std::abort();
  return std::make_shared<const ModelShape>(*shape);
}

std::shared_ptr<const Weights> WeightsOf(const ModelSpec& spec, const MixSpec& mix) {
  const std::array<gguf::Header, 1> parts = {HeaderOf(spec, mix)};
  return std::make_shared<const Weights>(WeightsOf(std::span<const gguf::Header>(parts)));
}

const std::vector<LabelledMix>& AllMixes() {
  static const std::vector<LabelledMix> mixes = {
      {"F16", kF16},
      {"BF16", {30, 30, 30, 30}},
      {"Q8_0", kQ8},
      {"Q6_K", {14, 14, 14, 14}},
      {"Q6_K_L", {14, 14, 8, 8}},
      {"Q5_K_M", {13, 14, 13, 14}},
      {"Q5_K_S", {13, 13, 13, 14}},
      {"UD-Q5_K_XL", {13, 8, 14, 1}},
      {"Q4_K_M", kQ4KM},
      {"Q4_K_S", {12, 12, 12, 14}},
      {"Q4_K_L", {12, 14, 8, 8}},
      {"Q4_0", {2, 2, 2, 14}},
      {"IQ4_XS", {23, 23, 23, 14}},
      {"UD-Q4_K_XL", {12, 14, 12, 8}},
      {"Q3_K_M", {11, 12, 11, 14}},
      {"Q3_K_S", {11, 11, 11, 14}},
      {"IQ3_XXS", {18, 18, 21, 13}},
      {"Q2_K", {10, 11, 10, 14}},
      {"UD-Q2_K_XL", {10, 12, 12, 14}},
      {"IQ2_XXS", {16, 16, 10, 13}},
      {"IQ1_S", {19, 19, 10, 13}},
  };
  return mixes;
}

uint64_t Between(std::mt19937_64& random, uint64_t least, uint64_t most) {
  return std::uniform_int_distribution<uint64_t>(least, most)(random);
}

ModelSpec RandomModel(std::mt19937_64& random) {
  ModelSpec spec;
  spec.layers = Between(random, 4, 64);
  spec.heads = uint64_t{4} << Between(random, 0, 4);
  spec.head_width = uint64_t{64} << Between(random, 0, 1);
  spec.embedding = 256 * Between(random, 4, 32);
  if (Between(random, 0, 5) == 0) spec.embedding += 128;  // no whole block
  spec.key_heads = spec.heads / 4;
  spec.feed_forward = 256 * Between(random, 8, 96);
  spec.vocabulary = Between(random, 4'000, 262'000);
  spec.context = uint64_t{1024} << Between(random, 0, 7);
  spec.is_tied = Between(random, 0, 1) == 1;
  switch (Between(random, 0, 4)) {
    case 0:
      spec.architecture = "qwen2";
      spec.has_biases = true;
      break;
    case 1:
      spec.architecture = "gemma3";
      spec.window = 1024;
      break;
    case 2:
      spec.architecture = "qwen3moe";
      spec.experts = uint64_t{4} << Between(random, 0, 4);
      spec.used_experts = 2;
      spec.expert_width = 256 * Between(random, 2, 8);
      break;
    default:
      break;
  }
  return spec;
}

Machine RandomMachine(std::mt19937_64& random, uint64_t bytes) {
  const auto about = [&](uint64_t most_percent) { return bytes / 100 * Between(random, 5, most_percent); };
  Machine machine;
  machine.memory.available_bytes = about(250) + 2 * kGiB;
  machine.memory.total_bytes = machine.memory.available_bytes;
  const uint64_t devices = Between(random, 0, 3);
  const bool shares = devices > 0 && Between(random, 0, 5) == 0;
  for (uint64_t i = 0; i < devices; ++i) {
    const uint64_t size = about(150) + kGiB;
    machine.devices.push_back({"card", "", "nvidia", size, size, shares});
  }
  return machine;
}

}  // namespace batuta::fit
