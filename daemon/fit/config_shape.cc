#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/fit/architecture.h"
#include "daemon/fit/model_shape.h"

namespace batuta::fit {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostLayers = 1024;
constexpr uint64_t kMostWidth = 1 << 22;
constexpr uint64_t kMostHeads = 1 << 16;
constexpr uint64_t kMostTokens = uint64_t{1} << 31;

// The first of `keys` that is a number from 1 to `most`; 0 = none is.
uint64_t Number(const Json& config, std::initializer_list<const char*> keys, uint64_t most) {
  for (const char* key : keys) {
    const auto found = config.find(key);
    if (found == config.end() || !found->is_number_unsigned()) continue;
    const auto value = found->get<uint64_t>();
    if (value > 0 && value <= most) return value;
  }
  return 0;
}

std::string Text(const Json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The part of a configuration that is about the language model.
const Json& LanguageModel(const Json& config) {
  for (const char* key : {"text_config", "llm_config", "language_config"}) {
    const auto found = config.find(key);
    if (found != config.end() && found->is_object()) return *found;
  }
  return config;
}

// What a layer is, by `layer_types`; "" = not told.
std::string TypeOfLayer(const Json& config, size_t i) {
  const auto types = config.find("layer_types");
  if (types == config.end() || !types->is_array() || i >= types->size()) return "";
  const Json& type = (*types)[i];
  return type.is_string() ? type.get<std::string>() : std::string();
}

// Of a layer of linear attention (gated delta net).
uint64_t StateBytes(const Json& config) {
  constexpr uint64_t kMost = 1 << 12;
  const uint64_t taps = std::max<uint64_t>(Number(config, {"linear_conv_kernel_dim"}, kMost), 1);
  const uint64_t key = Number(config, {"linear_key_head_dim"}, kMost);
  const uint64_t groups = Number(config, {"linear_num_key_heads"}, kMost);
  const uint64_t inner =
      Number(config, {"linear_num_value_heads"}, kMost) * Number(config, {"linear_value_head_dim"}, kMost);
  return 4 * ((taps - 1) * (inner + 2 * groups * key) + key * inner);
}

void SetExperts(const Json& config, ModelShape& shape) {
  shape.experts = Number(config, {"num_local_experts", "num_experts", "n_routed_experts"}, kMostHeads);
  if (shape.experts == 0) return;
  const uint64_t used = std::max<uint64_t>(Number(config, {"num_experts_per_tok"}, kMostHeads), 1);
  const uint64_t width = Number(config, {"moe_intermediate_size"}, kMostWidth);
  shape.feed_forward = used * (width > 0 ? width : shape.feed_forward);
  const uint64_t dense = Number(config, {"first_k_dense_replace"}, kMostLayers);
  const uint64_t layers = shape.layers.size();
  shape.expert_layers = std::max<uint64_t>(layers - std::min(dense, layers), 1);
}

}  // namespace

absl::StatusOr<ModelShape> ShapeOfConfig(std::string_view config_json) {
  const Json whole = Json::parse(config_json, nullptr, false);
  if (!whole.is_object()) return absl::InvalidArgumentError("config.json is no JSON object");
  const Json& config = LanguageModel(whole);
  ModelShape shape;
  shape.architecture = Text(whole, "model_type");
  const uint64_t layers = Number(config, {"num_hidden_layers", "n_layer", "num_layers"}, kMostLayers);
  shape.embedding = Number(config, {"hidden_size", "n_embd", "d_model"}, kMostWidth);
  if (layers == 0 || shape.embedding == 0) {
    return absl::InvalidArgumentError("config.json does not tell the layers of a model and their width");
  }
  shape.trained_context =
      Number(config, {"max_position_embeddings", "n_positions", "max_seq_len"}, kMostTokens);
  shape.vocabulary = Number(config, {"vocab_size"}, kMostTokens);
  shape.feed_forward = Number(config, {"intermediate_size", "n_inner", "ffn_dim"}, kMostWidth);
  shape.heads = std::max<uint64_t>(Number(config, {"num_attention_heads", "n_head"}, kMostHeads), 1);
  const uint64_t key_heads = Number(config, {"num_key_value_heads"}, kMostHeads);
  const uint64_t head_width = Number(config, {"head_dim"}, kMostWidth);
  const uint64_t width = (key_heads > 0 ? key_heads : shape.heads) *
                         (head_width > 0 ? head_width : shape.embedding / shape.heads);
  const uint64_t latent = Number(config, {"kv_lora_rank"}, kMostWidth);
  const uint64_t key_width = latent > 0 ? latent + Number(config, {"qk_rope_head_dim"}, kMostWidth) : width;
  if (key_width > kMostWidth) return absl::InvalidArgumentError("config.json is of an impossible model");
  if (latent > 0) shape.latent_width = key_width + latent;
  shape.window = Number(config, {"sliding_window"}, kMostTokens);

  const Architecture* known = FindArchitecture(shape.architecture);
  const bool has_cache = known == nullptr || known->has_cache;
  shape.has_output = known == nullptr || known->has_output;
  for (size_t i = 0; i < layers; ++i) {
    LayerShape& layer = shape.layers.emplace_back();
    if (!has_cache) continue;
    const std::string type = TypeOfLayer(config, i);
    if (type == "linear_attention") {
      layer.state_bytes = StateBytes(config);
      continue;
    }
    layer.is_windowed = type == "sliding_attention" && shape.window > 0;
    layer.key_width = key_width;
    layer.value_width = latent > 0 ? 0 : width;
  }
  SetExperts(config, shape);
  return shape;
}

}  // namespace batuta::fit
