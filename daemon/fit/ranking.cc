#include "daemon/fit/ranking.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <optional>
#include <tuple>

namespace batuta::fit {
namespace {

struct Grade {
  std::string_view label;
  uint32_t rank;
};

// By measured divergence from the model that was quantised; labels of one rank count as equal. F32 says
// nothing more than what most models were trained in. The labels of other formats stand where as many bits
// do.
constexpr uint32_t kWhole = 0;
constexpr uint32_t kFloor = 13;
constexpr uint32_t kLeastOfFour = 17;
constexpr uint32_t kLowest = 100;
constexpr Grade kGrades[] = {
    {"F16", kWhole},    {"BF16", kWhole},   {"F32", 1},         {"F64", 1},        {"UD-Q8_K_XL", 2},
    {"FP8", 2},         {"F8_E4M3", 2},     {"Q8F16", 2},       {"Q8_0", 3},       {"Q8", 3},
    {"INT8", 3},        {"UINT8", 3},       {"QUANTIZED", 3},   {"UD-Q6_K_XL", 4}, {"Q6_K_L", 5},
    {"Q6_K", 6},        {"Q6", 6},          {"UD-Q5_K_XL", 7},  {"Q5_K_L", 8},     {"Q5_K_M", 9},
    {"Q5_K_S", 10},     {"Q5_1", 10},       {"Q5_0", 10},       {"Q5", 10},        {"UD-Q4_K_XL", 11},
    {"Q4_K_L", 12},     {"Q4_K_M", kFloor}, {"Q4_K_S", 14},     {"IQ4_NL", 14},    {"IQ4_XS", 14},
    {"NVFP4", 15},      {"MXFP4_MOE", 15},  {"Q4_1", 15},       {"Q4_0", 15},      {"Q4", 15},
    {"Q4F16", 15},      {"INT4", 16},       {"AWQ", 16},        {"GPTQ", 16},      {"BNB4", kLeastOfFour},
    {"UD-Q3_K_XL", 20}, {"Q3_K_XL", 21},    {"Q3_K_L", 22},     {"Q3_K_M", 23},    {"IQ3_M", 24},
    {"IQ3_S", 25},      {"IQ3_XS", 26},     {"UD-IQ3_XXS", 27}, {"IQ3_XXS", 27},   {"Q3_K_S", 27},
    {"Q3", 27},         {"UD-Q2_K_XL", 30}, {"Q2_K_L", 30},     {"UD-IQ2_M", 30},  {"IQ2_M", 30},
    {"Q2_K", 30},       {"Q2", 30},         {"Q2_K_S", 31},     {"IQ2_S", 31},     {"IQ2_XS", 31},
    {"UD-IQ2_XXS", 32}, {"IQ2_XXS", 33},    {"UD-IQ1_M", 40},   {"IQ1_M", 41},     {"UD-IQ1_S", 42},
    {"IQ1_S", 43},      {"TQ2_0", 44},      {"TQ1_0", 45},      {"Q2_0", 46},      {"Q1_0", 47},
};

std::optional<uint32_t> Listed(std::string_view label) {
  for (const Grade& grade : kGrades) {
    if (grade.label == label) return grade.rank;
  }
  return std::nullopt;
}

// With or without what marks a dynamic mix.
std::optional<uint32_t> Known(std::string_view label) {
  if (const auto rank = Listed(label)) return rank;
  constexpr std::string_view kDynamic = "UD-";
  if (label.starts_with(kDynamic)) return Listed(label.substr(kDynamic.size()));
  return Listed(std::string(kDynamic) + std::string(label));
}

// Behind all others of as many bits.
uint32_t RankByDigit(std::string_view label) {
  const auto digit = std::find_if(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digit == label.end()) return kLowest;
  switch (*digit) {
    case '8':
      return 3;
    case '6':
      return 6;
    case '5':
      return 10;
    case '4':
      return 18;
    case '3':
      return 28;
    case '2':
      return 34;
    case '1':
      return 48;
    default:
      return kLowest;
  }
}

bool HasWord(std::string_view text, std::string_view word) {
  for (size_t at = 0; at + word.size() <= text.size(); ++at) {
    const bool is_here = std::equal(
        word.begin(), word.end(), text.begin() + static_cast<ptrdiff_t>(at),
        [](char a, char b) { return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b))); });
    if (!is_here) continue;
    const auto is_letter = [&](size_t i) { return std::isalnum(static_cast<unsigned char>(text[i])) != 0; };
    const bool begins = at == 0 || !is_letter(at - 1);
    const bool ends = at + word.size() == text.size() || !is_letter(at + word.size());
    if (begins && ends) return true;
  }
  return false;
}

// The formats in which some models were trained: no other says more of those.
bool IsTrained(std::string_view label, const ModelShape& shape) {
  if (shape.architecture == "gpt-oss") return label == "MXFP4_MOE";
  if (shape.architecture == "bitnet") return label == "TQ1_0" || label == "TQ2_0";
  // DeepSeek V3 and its kin were trained in 8 bits.
  constexpr uint64_t kExpertsOfV3 = 256;
  const bool is_of_v3 = shape.architecture == "deepseek2" && shape.experts >= kExpertsOfV3;
  return is_of_v3 && label == "Q8_0";
}

}  // namespace

uint32_t RankOf(std::string_view label, const ModelShape* shape, std::string_view stem) {
  // Below the ranks of the table, so that what was trained comes before what was only stored wider.
  const auto above = [](uint32_t rank) { return rank + 1; };
  if (shape != nullptr && IsTrained(label, *shape)) return 0;
  const uint32_t rank = Known(label).value_or(RankByDigit(label));
  if (label == "Q4_0" && HasWord(stem, "qat")) return above(kWhole + 1);
  return above(rank);
}

uint32_t FloorRank(bool is_gguf) {
  return (is_gguf ? kFloor : kLeastOfFour) + 1;
}

bool IsLoadable(std::string_view label) {
  if (Known(label).has_value()) return true;
  constexpr std::array<std::string_view, 3> kRepacked = {"_R4", "_R8", "_R16"};
  for (const std::string_view end : kRepacked) {
    if (label.ends_with(end)) return false;
  }
  constexpr std::array<std::string_view, 7> kWithdrawn = {"I2_S",     "Q6_0",       "Q4_0_4_4",  "Q4_0_4_8",
                                                          "Q4_0_8_8", "IQ4_NL_4_4", "IQ4_NL_8_8"};
  if (std::find(kWithdrawn.begin(), kWithdrawn.end(), label) != kWithdrawn.end()) return false;
  // IQ4_KS, IQ2_BN and the like.
  const bool is_codebook = label.starts_with("IQ") && label.size() > 4 && label[3] == '_';
  return !is_codebook || (label[4] != 'K' && label[4] != 'B');
}

std::vector<size_t> RankingOf(std::span<const Ranked> variants) {
  std::vector<size_t> ranking(variants.size());
  std::iota(ranking.begin(), ranking.end(), size_t{0});
  const auto key = [&](size_t i) {
    const Ranked& variant = variants[i];
    return std::tuple(variant.rank, !variant.has_imatrix, ~variant.file_bytes, i);
  };
  std::sort(ranking.begin(), ranking.end(), [&](size_t one, size_t other) { return key(one) < key(other); });
  return ranking;
}

std::vector<bool> Pointless(std::span<const Ranked> variants) {
  std::vector<bool> pointless;
  for (const Ranked& variant : variants) {
    pointless.push_back(std::any_of(variants.begin(), variants.end(), [&](const Ranked& other) {
      return other.rank < variant.rank && other.file_bytes <= variant.file_bytes;
    }));
  }
  return pointless;
}

}  // namespace batuta::fit
