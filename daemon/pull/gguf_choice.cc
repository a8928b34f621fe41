#include "daemon/pull/gguf_choice.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/pull/gguf_name.h"
#include "daemon/pull/quant_label.h"

namespace batuta::pull {
namespace {

using Kind = GgufName::Kind;

// One quantisation of the model: a file, or all its parts.
struct Variant {
  std::string folder;
  std::string stem;
  std::string label;  // canonical; "" = the name does not say
  bool has_imatrix = false;
  std::vector<size_t> files;
  std::vector<uint32_t> parts_seen;
  uint32_t parts = 0;  // that there should be; 0 = not split, or not known
  uint64_t size_bytes = 0;

  bool is_complete() const { return parts == 0 || parts_seen.size() == parts; }

  std::string name() const { return label.empty() ? stem : label; }

  std::string path_prefix() const { return folder.empty() ? stem : folder + "/" + stem; }
};

struct Projector {
  size_t file = 0;
  GgufName name;
};

struct Contents {
  std::vector<Variant> variants;  // in the tree's order
  std::vector<Projector> projectors;
  std::vector<std::pair<size_t, Kind>> others;
};

void AddFile(const Draft& draft, size_t index, const GgufName& name, Contents& contents,
             std::map<std::pair<std::string, std::string>, size_t>& known) {
  const auto [found, is_new] = known.try_emplace({name.folder, name.stem}, contents.variants.size());
  if (is_new) {
    Variant variant{
        .folder = name.folder, .stem = name.stem, .label = name.label, .files = {}, .parts_seen = {}};
    variant.has_imatrix = name.has_imatrix;
    contents.variants.push_back(std::move(variant));
  }
  Variant& variant = contents.variants[found->second];
  variant.files.push_back(index);
  variant.size_bytes += draft.entry(index).size_bytes;
  variant.parts = std::max(variant.parts, name.parts);
  const bool is_new_part =
      std::find(variant.parts_seen.begin(), variant.parts_seen.end(), name.part) == variant.parts_seen.end();
  if (name.part != 0 && is_new_part) variant.parts_seen.push_back(name.part);
}

Contents Sort(const Draft& draft) {
  Contents contents;
  std::map<std::pair<std::string, std::string>, size_t> known;
  for (size_t i = 0; i < draft.size(); ++i) {
    if (!draft.is_taken(i) || draft.kind(i).format != FileFormat::kGguf) continue;
    const std::optional<GgufName> name = ParseGgufName(draft.path(i));
    if (!name) continue;
    if (name->kind == Kind::kModel) {
      AddFile(draft, i, *name, contents, known);
    } else if (name->kind == Kind::kProjector) {
      contents.projectors.push_back({i, *name});
    } else {
      contents.others.emplace_back(i, name->kind);
    }
  }
  return contents;
}

std::string Describe(const Variant& variant) {
  const size_t count = variant.files.size();
  std::string text = fmt::format("{} ({} {}, {}", Printable(variant.name()), count,
                                 count == 1 ? "file" : "files", FormatBytes(variant.size_bytes));
  if (!variant.is_complete())
    text += fmt::format(", {} of {} parts", variant.parts_seen.size(), variant.parts);
  return text + ")";
}

std::string List(const std::vector<const Variant*>& variants) {
  constexpr size_t kMaxListed = 40;
  std::vector<std::string> lines;
  for (const Variant* variant : variants) {
    if (lines.size() == kMaxListed) {
      lines.push_back(fmt::format("and {} more", variants.size() - kMaxListed));
      break;
    }
    lines.push_back(Describe(*variant));
  }
  return fmt::format("{}", fmt::join(lines, ", "));
}

std::vector<const Variant*> Pointers(const std::vector<Variant>& variants) {
  std::vector<const Variant*> pointers;
  for (const Variant& variant : variants) pointers.push_back(&variant);
  return pointers;
}

// `quantization.LABEL` → bytes, for clients that offer a menu. More than an error carries are left out.
Facts VariantFacts(const std::vector<Variant>& variants) {
  Facts facts;
  for (const Variant& variant : variants) {
    if (!variant.label.empty()) {
      facts.emplace("quantization." + variant.label, fmt::format("{}", variant.size_bytes));
    }
  }
  return facts;
}

absl::Status NoSuchQuantization(const Contents& contents, std::string_view quantization) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("there is no variant {}; there are: {}", Quoted(quantization, 60),
                               List(Pointers(contents.variants))),
                   "choose one of these with --quantization LABEL");
}

// Two models in one repo, say, both as Q4_K_M.
absl::Status SeveralOfOneLabel(const std::vector<const Variant*>& matches) {
  std::vector<std::string> prefixes;
  for (const Variant* variant : matches) {
    if (prefixes.size() == 10) break;
    prefixes.push_back(
        fmt::format("{} ({})", Quoted(variant->path_prefix() + "*"), FormatBytes(variant->size_bytes)));
  }
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kChoiceNeeded,
                   fmt::format("there are {} variants {}: {}", matches.size(), matches.front()->name(),
                               fmt::join(prefixes, ", ")),
                   "choose one with --include GLOB");
}

std::string WithoutDynamic(std::string_view label) {
  constexpr std::string_view kDynamic = "UD-";
  return std::string(label.starts_with(kDynamic) ? label.substr(kDynamic.size()) : label);
}

std::vector<const Variant*> WithLabel(const Contents& contents, std::string_view wanted) {
  std::string_view text = wanted;
  constexpr std::string_view kImatrix = "i1-";
  if (text.size() > kImatrix.size() && (text[0] == 'i' || text[0] == 'I') && text.substr(1, 2) == "1-") {
    text.remove_prefix(kImatrix.size());
  }
  const std::string label = CanonicalLabel(text);
  std::vector<const Variant*> exact;
  std::vector<const Variant*> near;
  for (const Variant& variant : contents.variants) {
    if (variant.label == label || CanonicalLabel(variant.stem) == label) exact.push_back(&variant);
    if (WithoutDynamic(variant.label) == label) near.push_back(&variant);
  }
  return exact.empty() ? near : exact;
}

// The stem without its label: what names the model rather than the quantisation.
std::string ModelOf(const Variant& variant) {
  const std::optional<FoundLabel> found = FindQuantLabel(variant.stem);
  if (!found) return variant.stem;
  return variant.stem.substr(0, found->begin) + variant.stem.substr(found->end);
}

// Of several with one label, that of the model which has the most variants; nullptr when that does not
// decide.
const Variant* MostCommonModel(const Contents& contents, const std::vector<const Variant*>& matches) {
  std::map<std::string, size_t> counts;
  for (const Variant& variant : contents.variants) ++counts[ModelOf(variant)];
  const Variant* best = nullptr;
  bool is_tied = false;
  for (const Variant* variant : matches) {
    const size_t count = counts[ModelOf(*variant)];
    const size_t best_count = best == nullptr ? 0 : counts[ModelOf(*best)];
    is_tied = best != nullptr && (count == best_count || (is_tied && count < best_count));
    if (count > best_count) best = variant;
  }
  return is_tied ? nullptr : best;
}

absl::StatusOr<const Variant*> Choose(const Contents& contents, std::string_view quantization) {
  if (quantization.empty()) {
    if (contents.variants.size() == 1) return &contents.variants.front();
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kChoiceNeeded,
                     fmt::format("the repo has {} GGUF variants and none was chosen: {}",
                                 contents.variants.size(), List(Pointers(contents.variants))),
                     "choose one with --quantization LABEL, let --auto-quantize choose what fits, or take "
                     "all with --format all",
                     VariantFacts(contents.variants));
  }
  const std::vector<const Variant*> matches = WithLabel(contents, quantization);
  if (matches.empty()) return NoSuchQuantization(contents, quantization);
  if (matches.size() == 1) return matches.front();
  const Variant* const usual = MostCommonModel(contents, matches);
  if (usual == nullptr) return SeveralOfOneLabel(matches);
  return usual;
}

size_t CommonDepth(std::string_view a, std::string_view b) {
  size_t depth = 0;
  while (!a.empty() && !b.empty()) {
    const std::string_view left = a.substr(0, a.find('/'));
    const std::string_view right = b.substr(0, b.find('/'));
    if (left != right) break;
    ++depth;
    a.remove_prefix(std::min(left.size() + 1, a.size()));
    b.remove_prefix(std::min(right.size() + 1, b.size()));
  }
  return depth;
}

// Lower is better: half precision loses nothing that matters, full precision gains nothing.
size_t ProjectorRank(const GgufName& name, const Variant& variant) {
  if (name.label == variant.label) return 0;
  constexpr std::array<std::string_view, 4> kOrder = {"F16", "BF16", "Q8_0", "F32"};
  return 1 + static_cast<size_t>(std::find(kOrder.begin(), kOrder.end(), name.label) - kOrder.begin());
}

// The projector nearest to the variant: its own folder, then the deepest common one, then by precision.
std::optional<size_t> BestProjector(const std::vector<Projector>& projectors, const Variant& variant) {
  const auto order = [&](const Projector& projector) {
    const bool is_elsewhere = projector.name.folder != variant.folder;
    const size_t distance = 64 - std::min<size_t>(CommonDepth(projector.name.folder, variant.folder), 64);
    const bool is_f32 = projector.name.label == "F32";
    return std::tuple(is_elsewhere, distance, is_f32, ProjectorRank(projector.name, variant));
  };
  const auto best =
      std::min_element(projectors.begin(), projectors.end(),
                       [&](const Projector& a, const Projector& b) { return order(a) < order(b); });
  if (best == projectors.end()) return std::nullopt;
  return best->file;
}

std::string_view ReasonFor(Kind kind) {
  switch (kind) {
    case Kind::kImatrix:
      return left_out::kImatrix;
    case Kind::kVocabulary:
      return left_out::kVocabulary;
    case Kind::kDraft:
      return left_out::kDraftModel;
    case Kind::kAdapter:
    case Kind::kModel:
    case Kind::kProjector:
      break;
  }
  return left_out::kAdapter;
}

absl::Status MissingParts(const Variant& variant) {
  return MakeError(
      absl::StatusCode::kNotFound, reason::kEntryNotFound,
      fmt::format("the variant {} has only {} of its {} parts in this revision", Printable(variant.name()),
                  variant.parts_seen.size(), variant.parts),
      "choose another variant with --quantization LABEL, or take what is there with --format all");
}

}  // namespace

absl::Status ChooseGgufVariant(Draft& draft, std::string_view quantization) {
  const Contents contents = Sort(draft);
  if (contents.variants.empty()) {
    // Adapters, projectors, vocabularies are what such a repo is about.
    if (quantization.empty()) return absl::OkStatus();
    return MakeError(
        absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
        fmt::format("there is no variant {}: the repo has no GGUF model", Quoted(quantization, 60)));
  }
  ASSIGN_OR_RETURN(const Variant* const chosen, Choose(contents, quantization));
  if (!chosen->is_complete()) return MissingParts(*chosen);

  for (const Variant& variant : contents.variants) {
    if (&variant == chosen) continue;
    for (const size_t file : variant.files) {
      draft.Leave(file, fmt::format("another variant is taken: {}", chosen->name()));
    }
  }
  const std::optional<size_t> projector = BestProjector(contents.projectors, *chosen);
  for (const Projector& other : contents.projectors) {
    if (other.file != projector) {
      draft.Leave(other.file, fmt::format("another projector is taken: {}", draft.path(*projector)));
    }
  }
  for (const auto& [file, kind] : contents.others) draft.Leave(file, ReasonFor(kind));
  return absl::OkStatus();
}

}  // namespace batuta::pull
