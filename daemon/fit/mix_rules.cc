#include "daemon/fit/mix_rules.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "daemon/fit/type_ids.h"
#include "daemon/gguf/tensor_type.h"

namespace batuta::fit {
namespace {

using namespace type;

struct Mix {
  std::string_view label;
  uint32_t type;           // unless a rule says otherwise
  bool is_large = false;   // embedding and output in Q8_0
  std::string_view rules;  // of that label; "" = its own
};

constexpr Mix kMixes[] = {
    {"F32", kF32, false, {}},          {"F16", kF16, false, {}},         {"BF16", kBf16, false, {}},
    {"Q8_0", kQ80, false, {}},         {"Q6_K", kQ6K, false, {}},        {"Q5_K_M", kQ5K, false, {}},
    {"Q5_K_S", kQ5K, false, {}},       {"Q5_1", kQ51, false, {}},        {"Q5_0", kQ50, false, {}},
    {"Q4_K_M", kQ4K, false, {}},       {"Q4_K_S", kQ4K, false, {}},      {"IQ4_NL", kIq4Nl, false, {}},
    {"IQ4_XS", kIq4Xs, false, {}},     {"Q4_1", kQ41, false, {}},        {"Q4_0", kQ40, false, {}},
    {"MXFP4_MOE", kMxfp4, false, {}},  {"Q3_K_L", kQ3K, false, {}},      {"Q3_K_M", kQ3K, false, {}},
    {"Q3_K_S", kQ3K, false, {}},       {"IQ3_M", kIq3S, false, {}},      {"IQ3_S", kIq3S, false, {}},
    {"IQ3_XS", kIq3S, false, {}},      {"IQ3_XXS", kIq3Xxs, false, {}},  {"Q2_K", kQ2K, false, {}},
    {"Q2_K_S", kQ2K, false, {}},       {"IQ2_M", kIq2S, false, {}},      {"IQ2_S", kIq2Xs, false, {}},
    {"IQ2_XS", kIq2Xs, false, {}},     {"IQ2_XXS", kIq2Xxs, false, {}},  {"IQ1_M", kIq1M, false, {}},
    {"IQ1_S", kIq1S, false, {}},       {"TQ2_0", kTq20, false, {}},      {"TQ1_0", kTq10, false, {}},
    {"Q6_K_L", kQ6K, true, "Q6_K"},    {"Q5_K_L", kQ5K, true, "Q5_K_M"}, {"Q4_K_L", kQ4K, true, "Q4_K_M"},
    {"Q3_K_XL", kQ3K, true, "Q3_K_L"}, {"Q2_K_L", kQ2K, true, "Q2_K"},
};

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> texts) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

uint64_t LayerOf(std::string_view name) {
  constexpr std::string_view kBlock = "blk.";
  uint64_t layer = 0;
  if (name.starts_with(kBlock))
    std::from_chars(name.data() + kBlock.size(), name.data() + name.size(), layer);
  return layer;
}

// Matrices; norms, routers and the like stay as they are.
bool IsQuantized(const gguf::Tensor& tensor) {
  const std::string_view name = tensor.name;
  if (!name.ends_with("weight") || name.ends_with("_norm.weight") ||
      tensor.elements() == tensor.dimensions[0]) {
    return false;
  }
  constexpr std::string_view kNever[] = {"ffn_gate_inp.weight", "ssm_conv1d.weight", "shortconv.conv.weight",
                                         "position_embd.weight", "token_types.weight"};
  return std::none_of(std::begin(kNever), std::end(kNever),
                      [name](std::string_view end) { return name.ends_with(end); });
}

bool FitsBlocks(const gguf::Tensor& tensor, uint32_t id) {
  const gguf::TensorType* const found = gguf::FindTensorType(id);
  return found != nullptr && tensor.dimensions[0] % found->block_elements == 0;
}

// What is taken where rows are no whole blocks.
uint32_t Fallback(const gguf::Tensor& tensor, uint32_t id) {
  if (FitsBlocks(tensor, id)) return id;
  uint32_t other = kF16;
  switch (id) {
    case kQ2K:
    case kQ3K:
    case kTq10:
    case kTq20:
      other = kQ40;
      break;
    case kQ4K:
      other = kQ50;
      break;
    case kQ5K:
      other = kQ51;
      break;
    case kQ6K:
      other = kQ80;
      break;
    case kIq1S:
    case kIq1M:
    case kIq2Xxs:
    case kIq2Xs:
    case kIq2S:
    case kIq3Xxs:
    case kIq3S:
    case kIq4Xs:
    case kIq4Nl:
      other = kIq4Nl;
      break;
    default:
      break;
  }
  return FitsBlocks(tensor, other) ? other : kF16;
}

// The first and the last eighth, and every third between.
bool HasMoreBits(uint64_t index, uint64_t count) {
  return index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;
}

// Goes through the tensors in their order, as the quantizer does.
class Mixer {
 public:
  Mixer(const Mix& mix, const QuantizedModel& model, std::span<const gguf::Tensor> tensors)
      : label_(mix.rules.empty() ? mix.label : mix.rules), default_(mix.type), model_(model) {
    for (const gguf::Tensor& tensor : tensors) {
      const std::string_view name = tensor.name;
      if (name == "output.weight") is_tied_ = false;
      if (name.ends_with("attn_v.weight") || name.ends_with("attn_qkv.weight") ||
          name.ends_with("attn_kv_b.weight")) {
        ++values_;
      }
    }
  }

  uint32_t TypeOf(const gguf::Tensor& tensor) {
    const std::string_view name = tensor.name;
    if (name == "output.weight" || (is_tied_ && name == "token_embd.weight")) return Output(tensor);
    if (label_ == "MXFP4_MOE") return tensor.dimensions[2] > 1 ? kMxfp4 : kQ80;
    if (name == "token_embd.weight") return Embedding();
    if (IsVeryLow()) return VeryLow(name);
    const uint64_t layer = LayerOf(name);
    if (Contains(name, "attn_v.weight")) return Value();
    if (Contains(name, "attn_k.weight")) return ForEight(Query());
    if (Contains(name, "attn_q.weight")) return Query();
    if (Contains(name, "ffn_down")) return Down(layer);
    if (Contains(name, "attn_output.weight")) return AttentionOutput();
    if (Contains(name, "attn_qkv.weight")) return Merged();
    if (Contains(name, "ffn_gate") || Contains(name, "ffn_up")) return Gate(layer);
    return default_;
  }

 private:
  bool Is(std::initializer_list<std::string_view> labels) const { return IsOneOf(label_, labels); }

  bool IsVeryLow() const { return Is({"IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ1_S", "IQ1_M"}); }

  bool IsWhole() const { return Is({"F32", "F16", "BF16"}); }

  bool HasManyQueries() const { return model_.queries_per_key >= 4; }

  uint32_t Output(const gguf::Tensor& tensor) const {
    if (label_ == "MXFP4_MOE" || !FitsBlocks(tensor, default_)) return kQ80;
    if (IsVeryLow() || label_ == "IQ3_XXS") return kQ5K;
    return IsWhole() || default_ == kQ80 ? default_ : kQ6K;
  }

  uint32_t Embedding() const {
    if (Is({"IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"})) return kQ2K;
    if (Is({"IQ2_S", "IQ2_M", "IQ3_XXS"})) return kIq3S;
    return Is({"TQ1_0", "TQ2_0"}) ? kQ4K : default_;
  }

  uint32_t VeryLow(std::string_view name) {
    const uint32_t better = Is({"IQ2_S", "IQ2_M"}) ? kIq3S : kQ2K;
    if (Contains(name, "attn_v.weight")) return HasManyQueries() || model_.experts >= 4 ? kQ4K : better;
    if (model_.experts == 8 && Contains(name, "attn_k.weight")) return kQ4K;
    if (Contains(name, "ffn_down")) return down_++ < model_.layers / 8 ? better : default_;
    if (Contains(name, "attn_output.weight")) {
      if (model_.experts == 8) return kQ5K;
      if (Is({"IQ1_S", "IQ1_M"})) return kIq2Xxs;
      return Is({"IQ2_S", "IQ2_M"}) ? kIq3S : default_;
    }
    return default_;
  }

  uint32_t Value() {
    const uint64_t index = value_++;
    uint32_t id = default_;
    if (label_ == "Q2_K") {
      id = HasManyQueries() ? kQ4K : kQ3K;
    } else if (Is({"Q2_K_S", "IQ3_XS", "IQ3_S"}) && HasManyQueries()) {
      id = kQ4K;
    } else if (label_ == "IQ3_XXS") {
      id = HasManyQueries() ? kQ4K : model_.has_imatrix ? kIq3Xxs : kIq3S;
    } else if (label_ == "IQ3_M") {
      id = kQ4K;
    } else if (label_ == "Q3_K_M") {
      id = index < 2 ? kQ5K : kQ4K;
    } else if (label_ == "Q3_K_L" || (Is({"IQ4_NL", "IQ4_XS"}) && HasManyQueries())) {
      id = kQ5K;
    } else if (Is({"Q4_K_M", "Q5_K_M"}) && HasMoreBits(index, values_)) {
      id = kQ6K;
    } else if (label_ == "Q4_K_S" && index < 4) {
      id = kQ5K;
    }
    // Of a model of 70B the eighth part: hardly larger, clearly better.
    constexpr uint64_t kLayersOf70B = 80;
    if (model_.layers == kLayersOf70B && (id == kQ3K || id == kQ4K)) id = kQ5K;
    return ForEight(id);
  }

  // Small and used by all eight experts.
  uint32_t ForEight(uint32_t id) const { return model_.experts == 8 && !IsWhole() ? kQ80 : id; }

  uint32_t Query() const {
    if (label_ == "IQ3_XS") return kIq3Xxs;
    return label_ == "IQ3_XXS" ? kIq2S : default_;
  }

  uint32_t Down(uint64_t layer) {
    if (model_.experts <= 1) layer = down_;
    ++down_;
    const bool is_early = layer < model_.layers / 8;
    if (label_ == "Q2_K") return kQ3K;
    if (label_ == "Q2_K_S" && is_early) return kQ4K;
    if (label_ == "IQ3_XXS" && !model_.has_imatrix) return is_early ? kQ4K : kQ3K;
    if (label_ == "Q3_K_M") return layer < model_.layers / 16 ? kQ5K : kQ4K;
    if (label_ == "IQ3_M" && (is_early || (model_.experts == 8 && HasMoreBits(layer, model_.layers))))
      return kQ4K;
    if (label_ == "Q3_K_L") return kQ5K;
    if (Is({"Q4_K_M", "Q5_K_M"}) && HasMoreBits(layer, model_.layers)) return kQ6K;
    if (!is_early) return default_;
    if (label_ == "Q4_K_S" || (Is({"IQ4_NL", "IQ4_XS"}) && !model_.has_imatrix)) return kQ5K;
    if (label_ == "Q4_0" && model_.has_imatrix) return kQ41;
    return label_ == "Q5_0" && model_.has_imatrix ? kQ51 : default_;
  }

  uint32_t AttentionOutput() const {
    if (model_.experts == 8) {
      const bool is_raised = Is({"Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S",
                                 "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS"});
      return is_raised ? kQ5K : default_;
    }
    if (label_ == "Q2_K") return kQ3K;
    if (label_ == "IQ3_XXS") return kIq3S;
    if (Is({"Q3_K_M", "IQ3_M"})) return kQ4K;
    return label_ == "Q3_K_L" ? kQ5K : default_;
  }

  uint32_t Merged() const {
    if (Is({"Q3_K_M", "Q3_K_L", "IQ3_M"})) return kQ4K;
    if (label_ == "Q4_K_M") return kQ5K;
    return label_ == "Q5_K_M" ? kQ6K : default_;
  }

  uint32_t Gate(uint64_t layer) const {
    const bool is_middle = layer >= model_.layers / 8 && layer < 7 * model_.layers / 8;
    return label_ == "IQ3_XS" && is_middle ? kIq3Xxs : default_;
  }

  const std::string_view label_;
  const uint32_t default_;
  const QuantizedModel& model_;
  bool is_tied_ = true;
  uint64_t values_ = 0;  // tensors that hold the values of a layer's attention
  uint64_t value_ = 0;   // of them, those that were met
  uint64_t down_ = 0;
};

}  // namespace

std::optional<std::vector<uint32_t>> TypesOf(std::string_view label, const QuantizedModel& model,
                                             std::span<const gguf::Tensor> tensors) {
  const auto mix = std::find_if(std::begin(kMixes), std::end(kMixes),
                                [label](const Mix& one) { return one.label == label; });
  if (mix == std::end(kMixes)) return std::nullopt;
  Mixer mixer(*mix, model, tensors);
  std::vector<uint32_t> types;
  types.reserve(tensors.size());
  for (const gguf::Tensor& tensor : tensors) {
    if (!IsQuantized(tensor)) {
      types.push_back(kF32);
      continue;
    }
    uint32_t id = mixer.TypeOf(tensor);
    const bool is_outer = tensor.name == "output.weight" || tensor.name == "token_embd.weight";
    if (mix->is_large && is_outer) id = kQ80;
    // What was trained in four bits stays so in each mix.
    if (tensor.type == kMxfp4 && Contains(tensor.name, "_exps.")) id = kMxfp4;
    types.push_back(Fallback(tensor, id));
  }
  return types;
}

}  // namespace batuta::fit
