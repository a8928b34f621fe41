#include "daemon/pull/weight_variants.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"

namespace batuta::pull {
namespace {

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower({text.data(), text.size()});
}

std::string_view NameOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Behind `_`, before `.onnx`, and what it is called.
constexpr std::array<std::pair<std::string_view, std::string_view>, 25> kOnnxSuffixes = {
    {{"quantized", "q8"},
     {"q8", "q8"},
     {"fp32", "fp32"},
     {"fp16", "fp16"},
     {"int8", "int8"},
     {"uint8", "uint8"},
     {"q8f16", "q8f16"},
     {"uint8f16", "uint8f16"},
     {"q4", "q4"},
     {"q4f16", "q4f16"},
     {"bnb4", "bnb4"},
     {"q2", "q2"},
     {"q2f16", "q2f16"},
     {"q1", "q1"},
     {"q1f16", "q1f16"},
     {"int4", "int4"},
     {"quint8_avx2", "quint8_avx2"},
     {"qint8_avx512_vnni", "qint8_avx512_vnni"},
     {"qint8_avx512", "qint8_avx512"},
     {"qint8_arm64", "qint8_arm64"},
     {"qint8_avx2", "qint8_avx2"},
     {"o1", "o1"},
     {"o2", "o2"},
     {"o3", "o3"},
     {"o4", "o4"}}};

// From the best on; those of one row lose as much.
constexpr std::array<std::array<std::string_view, 4>, 9> kPrecisions = {{{kDefaultVariant, "fp32"},
                                                                         {"fp16", "bf16"},
                                                                         {"fp8"},
                                                                         {"q8f16", "uint8f16"},
                                                                         {"q8", "int8", "uint8", "8bit"},
                                                                         {"q4f16"},
                                                                         {"q4", "int4", "bnb4"},
                                                                         {"q2f16", "q2"},
                                                                         {"q1f16", "q1"}}};

bool IsOfVariants(FileFormat format) {
  return format == FileFormat::kSafetensors || format == FileFormat::kOnnx || format == FileFormat::kPytorch;
}

std::string LabelOf(FileFormat format, std::string_view name) {
  if (format == FileFormat::kOnnx) return ParseOnnxName(name).variant;
  std::string variant = ParseVariantName(name).variant;
  return variant.empty() ? std::string(kDefaultVariant) : variant;
}

auto OrderOf(const WeightVariant& variant) {
  constexpr std::array<FileFormat, 3> kFormats = {FileFormat::kSafetensors, FileFormat::kOnnx,
                                                  FileFormat::kPytorch};
  const auto format = std::find(kFormats.begin(), kFormats.end(), variant.format) - kFormats.begin();
  const int unranked = static_cast<int>(kPrecisions.size());
  return std::tuple(format, PrecisionRank(variant).value_or(unranked), variant.label);
}

}  // namespace

OnnxName ParseOnnxName(std::string_view file_name) {
  const std::string lower = Lower(file_name);
  const size_t end = lower.rfind(".onnx");
  if (end == std::string::npos || end == 0) return {};
  OnnxName name{std::string(file_name.substr(0, end)), "fp32"};
  for (const auto& [suffix, variant] : kOnnxSuffixes) {
    const std::string_view stem = std::string_view(lower).substr(0, end);
    if (!stem.ends_with(suffix) || stem.size() < suffix.size() + 2) continue;
    const size_t at = stem.size() - suffix.size();
    if (stem[at - 1] != '_') continue;
    return {name.stem.substr(0, at - 1), std::string(variant)};
  }
  return name;
}

std::string CanonicalVariant(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kAliases = {
      {{"f16", "fp16"}, {"f32", "fp32"}, {"quantized", "q8"}, {"q8_0", "q8"}, {"f8", "fp8"}}};
  std::string lower = Lower(text);
  for (const auto& [alias, name] : kAliases) {
    if (lower == alias) return std::string(name);
  }
  return lower;
}

std::vector<WeightVariant> WeightVariantsOf(const Draft& draft) {
  std::vector<WeightVariant> variants;
  for (size_t i = 0; i < draft.size(); ++i) {
    const FileKind& kind = draft.kind(i);
    if (!draft.is_taken(i) || !kind.is_weight || !IsOfVariants(kind.format)) continue;
    WeightVariant variant{kind.format, LabelOf(kind.format, NameOf(draft.path(i)))};
    if (variant.label.empty()) continue;
    if (std::find(variants.begin(), variants.end(), variant) == variants.end()) {
      variants.push_back(std::move(variant));
    }
  }
  std::sort(variants.begin(), variants.end(),
            [](const WeightVariant& a, const WeightVariant& b) { return OrderOf(a) < OrderOf(b); });
  return variants;
}

std::optional<int> PrecisionRank(const WeightVariant& variant) {
  for (size_t rank = 0; rank < kPrecisions.size(); ++rank) {
    const auto& row = kPrecisions.at(rank);
    if (std::find(row.begin(), row.end(), variant.label) != row.end()) return static_cast<int>(rank);
  }
  return std::nullopt;
}

}  // namespace batuta::pull
