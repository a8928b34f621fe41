#include "daemon/pull/weight_choice.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/pull/gguf_name.h"
#include "daemon/pull/gguf_variants.h"
#include "daemon/pull/weight_variants.h"

namespace batuta::pull {
namespace {

// Best first.
constexpr std::array<FileFormat, 10> kPreference = {
    FileFormat::kSafetensors, FileFormat::kPytorch, FileFormat::kOriginal, FileFormat::kOnnx,
    FileFormat::kTensorflow,  FileFormat::kFlax,    FileFormat::kOpenvino, FileFormat::kCoreml,
    FileFormat::kTflite,      FileFormat::kOther};

using Formats = std::set<FileFormat>;

bool IsUsableWeight(const Draft& draft, size_t index, bool allow_pickle) {
  const FileKind& kind = draft.kind(index);
  return draft.is_taken(index) && kind.is_weight && (allow_pickle || !kind.is_pickle);
}

// What can be used, where.
struct Inventory {
  std::map<std::string, Formats, std::less<>> by_component;
  Formats everywhere;
};

Inventory TakeInventory(const Draft& draft, bool allow_pickle) {
  Inventory inventory;
  for (size_t i = 0; i < draft.size(); ++i) {
    if (!IsUsableWeight(draft, i, allow_pickle)) continue;
    const FileFormat format = draft.kind(i).format;
    inventory.everywhere.insert(format);
    if (format != FileFormat::kGguf) inventory.by_component[draft.kind(i).component].insert(format);
  }
  return inventory;
}

FileFormat BestOf(const Formats& formats) {
  const auto best = std::find_if(kPreference.begin(), kPreference.end(),
                                 [&](FileFormat format) { return formats.contains(format); });
  return best == kPreference.end() ? FileFormat::kPlain : *best;
}

bool HasGgufModel(const Draft& draft) {
  for (size_t i = 0; i < draft.size(); ++i) {
    if (!draft.is_taken(i) || draft.kind(i).format != FileFormat::kGguf) continue;
    const auto name = ParseGgufName(draft.path(i));
    if (name && name->kind == GgufName::Kind::kModel) return true;
  }
  return false;
}

// The format of each component that has a usable one.
std::map<std::string, FileFormat, std::less<>> ChooseByComponent(const Inventory& inventory) {
  std::map<std::string, FileFormat, std::less<>> chosen;
  for (const auto& [component, formats] : inventory.by_component) chosen[component] = BestOf(formats);
  return chosen;
}

bool IsPipeline(const Draft& draft) {
  for (size_t i = 0; i < draft.size(); ++i) {
    if (draft.path(i) == "model_index.json") return true;
  }
  return false;
}

// A pipeline that comes in folders may bring the same weights once more in one file at the top.
void LeaveSingleFileCopies(Draft& draft, const Inventory& inventory) {
  const bool has_folders = std::any_of(inventory.by_component.begin(), inventory.by_component.end(),
                                       [](const auto& item) { return !item.first.empty(); });
  if (!has_folders || !IsPipeline(draft)) return;
  for (size_t i = 0; i < draft.size(); ++i) {
    const FileKind& kind = draft.kind(i);
    if (kind.component.empty() && kind.is_weight && kind.format != FileFormat::kGguf) {
      draft.Leave(i, left_out::kSingleFileCopy);
    }
  }
}

void LeaveAllBut(Draft& draft, FileFormat format, std::string_view reason) {
  for (size_t i = 0; i < draft.size(); ++i) {
    const FileFormat other = draft.kind(i).format;
    if (other != FileFormat::kPlain && other != format) draft.Leave(i, reason);
  }
}

std::string TakenInstead(FileFormat format) {
  return fmt::format("{} is taken instead", ToString(format));
}

void LeaveSecondFormats(Draft& draft, const Inventory& inventory) {
  const auto chosen = ChooseByComponent(inventory);
  const bool has_safetensors = inventory.everywhere.contains(FileFormat::kSafetensors);
  for (size_t i = 0; i < draft.size(); ++i) {
    const FileKind& kind = draft.kind(i);
    if (kind.format == FileFormat::kPlain) continue;
    const auto found = chosen.find(kind.component);
    if (kind.format == FileFormat::kGguf) {
      if (has_safetensors) draft.Leave(i, TakenInstead(FileFormat::kSafetensors));
    } else if (found == chosen.end()) {
      // Nothing is usable here: the pickles are refused by their own rule.
      if (!kind.is_weight) draft.Leave(i, left_out::kCompanion);
    } else if (kind.format != found->second) {
      draft.Leave(i, TakenInstead(found->second));
    }
  }
}

// Of several precisions without a plain file, the one that most loaders can use.
size_t VariantRank(std::string_view variant) {
  constexpr std::array<std::string_view, 9> kOrder = {"",     "fp16", "bf16", "fp32",   "fp8",
                                                      "int8", "8bit", "ema",  "non_ema"};
  return static_cast<size_t>(std::find(kOrder.begin(), kOrder.end(), variant) - kOrder.begin());
}

std::string_view NameOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool HasTwins(FileFormat format, std::string_view preferred) {
  return format == FileFormat::kSafetensors || format == FileFormat::kPytorch ||
         (format == FileFormat::kOnnx && !preferred.empty());
}

// The name without precision, shard and ending, and the precision: "" = the default.
VariantName PrecisionName(FileFormat format, std::string_view file_name) {
  if (format != FileFormat::kOnnx) return ParseVariantName(file_name);
  OnnxName name = ParseOnnxName(file_name);
  if (name.stem.empty()) return {std::string(file_name), {}};
  return {std::move(name.stem), name.variant == "fp32" ? std::string() : std::move(name.variant)};
}

// The lower, the rather it is taken.
size_t TwinRank(FileFormat format, std::string_view variant, std::string_view preferred) {
  const bool is_default =
      preferred == kDefaultVariant || (format == FileFormat::kOnnx && preferred == "fp32");
  if (variant == preferred || (variant.empty() && is_default)) return 0;
  return 1 + VariantRank(variant);
}

std::string NameOfTwin(std::string_view variant) {
  return std::string(variant.empty() ? kDefaultVariant : variant);
}

}  // namespace

bool ChooseFormats(Draft& draft, std::optional<FileFormat> forced, bool allow_pickle) {
  const Inventory inventory = TakeInventory(draft, allow_pickle);
  LeaveSingleFileCopies(draft, inventory);
  if (forced) {
    LeaveAllBut(draft, *forced, left_out::kOtherFormat);
    return forced == FileFormat::kGguf;
  }
  if (!inventory.everywhere.contains(FileFormat::kSafetensors) && HasGgufModel(draft)) {
    LeaveAllBut(draft, FileFormat::kGguf, TakenInstead(FileFormat::kGguf));
    return true;
  }
  LeaveSecondFormats(draft, inventory);
  return false;
}

void LeaveTwins(Draft& draft, std::string_view preferred) {
  using Group = std::pair<std::string, FileFormat>;
  std::map<std::pair<Group, std::string>, size_t> best;  // of each file name without its variant
  std::set<Group> has_standard_layout;
  std::vector<VariantName> names(draft.size());
  const auto is_consolidated = [&](size_t i) { return names[i].stem.starts_with("consolidated"); };
  for (size_t i = 0; i < draft.size(); ++i) {
    const FileKind& kind = draft.kind(i);
    if (!draft.is_taken(i) || !HasTwins(kind.format, preferred)) continue;
    names[i] = PrecisionName(kind.format, NameOf(draft.path(i)));
    const Group group{kind.component, kind.format};
    if (kind.is_weight && !is_consolidated(i)) has_standard_layout.insert(group);
    const size_t rank = TwinRank(kind.format, names[i].variant, preferred);
    const auto [found, is_new] = best.try_emplace({group, names[i].stem}, rank);
    if (!is_new) found->second = std::min(found->second, rank);
  }
  for (size_t i = 0; i < draft.size(); ++i) {
    const FileKind& kind = draft.kind(i);
    if (!draft.is_taken(i) || !HasTwins(kind.format, preferred)) continue;
    const Group group{kind.component, kind.format};
    if (is_consolidated(i) && has_standard_layout.contains(group)) draft.Leave(i, left_out::kOtherLayout);
    if (TwinRank(kind.format, names[i].variant, preferred) > best.at({group, names[i].stem})) {
      draft.Leave(i, fmt::format("{} copy; another precision is taken", NameOfTwin(names[i].variant)));
    }
  }
}

FileFormat FormatOfQuantization(const Draft& draft, std::string_view quantization, bool allow_pickle) {
  const GgufContents gguf = SortGguf(draft);
  if (!VariantsNamed(gguf, quantization).empty()) return FileFormat::kGguf;
  const std::string precision = CanonicalVariant(quantization);
  bool has_variants = false;
  for (const WeightVariant& variant : WeightVariantsOf(draft)) {
    if (variant.format == FileFormat::kPytorch && !allow_pickle) continue;
    if (variant.label == precision) return variant.format;
    has_variants |= variant.label != kDefaultVariant && variant.label != "fp32";
  }
  if (!has_variants || !gguf.variants.empty()) return FileFormat::kGguf;
  return WeightVariantsOf(draft).front().format;
}

absl::Status CheckPrecision(const Draft& draft, FileFormat format, std::string_view precision) {
  std::vector<std::string> labels;
  for (const WeightVariant& variant : WeightVariantsOf(draft)) {
    if (variant.format != format) continue;
    if (variant.label == precision) return absl::OkStatus();
    labels.push_back(variant.label);
  }
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("there is no variant {} of the {} weights; there are: {}",
                               Quoted(precision, 60), ToString(format), fmt::join(labels, ", ")),
                   "choose one of these with --quantization LABEL");
}

void LeaveObjected(Draft& draft, const Objections& objections) {
  if (objections.empty()) return;
  using Set = std::tuple<std::string, FileFormat, std::string, std::string>;
  const auto set_of = [&draft](size_t i) {
    const VariantName name = ParseVariantName(NameOf(draft.path(i)));
    return Set{draft.kind(i).component, draft.kind(i).format, name.stem, name.variant};
  };
  std::set<Set> sets;
  for (size_t i = 0; i < draft.size(); ++i) {
    const auto objection = objections.find(draft.path(i));
    if (objection == objections.end() || !draft.is_taken(i) || !draft.kind(i).is_weight) continue;
    sets.insert(set_of(i));
    draft.Leave(i, fmt::format("{} {}", left_out::kObjected, objection->second.level));
  }
  for (size_t i = 0; i < draft.size(); ++i) {
    if (draft.kind(i).is_weight && sets.contains(set_of(i))) draft.Leave(i, left_out::kCompanion);
  }
}

bool Replaces(const Draft& other, const Draft& draft, const Objections& objections) {
  std::set<std::string_view> missing;   // components
  std::set<std::string_view> replaced;  // components
  for (size_t i = 0; i < draft.size(); ++i) {
    const bool is_objected = objections.contains(draft.path(i));
    if (is_objected && other.is_taken(i)) return false;
    if (is_objected && draft.is_taken(i)) missing.insert(draft.kind(i).component);
    if (draft.kind(i).is_weight && other.is_taken(i) && !draft.is_taken(i)) {
      replaced.insert(draft.kind(i).component);
    }
  }
  return std::ranges::includes(replaced, missing);
}

std::string FormatsIn(const Draft& draft) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < draft.size(); ++i) {
    if (draft.is_taken(i) && draft.kind(i).is_weight) names.insert(ToString(draft.kind(i).format));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace batuta::pull
