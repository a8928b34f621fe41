#include "daemon/fit/label_mix.h"

#include <string_view>

#include "daemon/fit/type_ids.h"

namespace batuta::fit {
namespace {

using namespace type;

struct Rule {
  std::string_view label;
  LabelMix mix;
};

constexpr Rule kRules[] = {
    {"F32", {kF32, kF32}},      {"F16", {kF16, kF16}},      {"BF16", {kBf16, kBf16}},
    {"Q8_0", {kQ80, kQ80}},     {"Q6_K", {kQ6K, kQ6K}},     {"Q5_K_M", {kQ5K, kQ6K}},
    {"Q5_K_S", {kQ5K, kQ6K}},   {"Q5_1", {kQ51, kQ6K}},     {"Q5_0", {kQ50, kQ6K}},
    {"Q4_K_M", {kQ4K, kQ6K}},   {"Q4_K_S", {kQ4K, kQ6K}},   {"Q4_1", {kQ41, kQ6K}},
    {"Q4_0", {kQ40, kQ6K}},     {"IQ4_NL", {kIq4Nl, kQ6K}}, {"IQ4_XS", {kIq4Xs, kQ6K}},
    {"Q3_K_L", {kQ3K, kQ6K}},   {"Q3_K_M", {kQ3K, kQ6K}},   {"Q3_K_S", {kQ3K, kQ6K}},
    {"IQ3_M", {kIq3S, kQ6K}},   {"IQ3_S", {kIq3S, kQ6K}},   {"IQ3_XS", {kIq3S, kQ6K}},
    {"IQ3_XXS", {kIq3S, kQ5K}}, {"Q2_K", {kQ2K, kQ6K}},     {"Q2_K_S", {kQ2K, kQ6K}},
    {"IQ2_M", {kIq3S, kQ5K}},   {"IQ2_S", {kIq3S, kQ5K}},   {"IQ2_XS", {kQ2K, kQ5K}},
    {"IQ2_XXS", {kQ2K, kQ5K}},  {"IQ1_M", {kQ2K, kQ5K}},    {"IQ1_S", {kQ2K, kQ5K}},
    {"TQ1_0", {kQ4K, kQ6K}},    {"TQ2_0", {kQ4K, kQ6K}},    {"Q2_0", {kQ4K, kQ6K}},
    {"Q1_0", {kQ10, kQ6K}},     {"NVFP4", {kNvfp4, kQ6K}},  {"MXFP4_MOE", {kQ80, kQ80}},
    {"Q6_K_L", {kQ80, kQ80}},   {"Q5_K_L", {kQ80, kQ80}},   {"Q4_K_L", {kQ80, kQ80}},
    {"Q3_K_XL", {kQ80, kQ80}},  {"Q2_K_L", {kQ80, kQ80}},
};

}  // namespace

std::optional<LabelMix> MixOf(std::string_view label) {
  for (const Rule& rule : kRules) {
    if (rule.label == label) return rule.mix;
  }
  return std::nullopt;
}

}  // namespace batuta::fit
