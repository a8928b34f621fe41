#include "daemon/pull/gguf_choice.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/pull/gguf_variants.h"

namespace batuta::pull {
namespace {

using Kind = GgufName::Kind;
using Variant = GgufVariant;
using Contents = GgufContents;

std::string Describe(const Variant& variant) {
  const size_t count = variant.files.size();
  std::string text = fmt::format("{} ({} {}, {}", Printable(variant.name), count,
                                 count == 1 ? "file" : "files", FormatBytes(variant.size_bytes));
  if (!variant.is_complete) {
    text += variant.parts == 0 ? ", parts missing"
                               : fmt::format(", {} of {} parts", variant.parts_seen, variant.parts);
  }
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
      facts.emplace("quantization." + variant.name, fmt::format("{}", variant.size_bytes));
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
absl::Status SeveralOfOneLabel(const std::vector<const Variant*>& matches, std::string_view quantization) {
  std::vector<std::string> prefixes;
  for (const Variant* variant : matches) {
    if (prefixes.size() == 10) break;
    prefixes.push_back(
        fmt::format("{} ({})", Quoted(variant->path_prefix() + "*"), FormatBytes(variant->size_bytes)));
  }
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kChoiceNeeded,
                   fmt::format("there are {} variants {}: {}", matches.size(), Printable(quantization),
                               fmt::join(prefixes, ", ")),
                   "choose one with --include GLOB");
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
  const std::vector<const Variant*> matches = VariantsNamed(contents, quantization);
  if (matches.empty()) return NoSuchQuantization(contents, quantization);
  if (matches.size() > 1) return SeveralOfOneLabel(matches, quantization);
  return matches.front();
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
      fmt::format("the variant {} has only {} of its {} parts in this revision", Printable(variant.name),
                  variant.parts_seen, variant.parts),
      "choose another variant with --quantization LABEL, or take what is there with --format all");
}

}  // namespace

absl::Status ChooseGgufVariant(Draft& draft, std::string_view quantization) {
  const Contents contents = SortGguf(draft);
  if (contents.variants.empty()) {
    // Adapters, projectors, vocabularies are what such a repo is about.
    if (quantization.empty()) return absl::OkStatus();
    return MakeError(
        absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
        fmt::format("there is no variant {}: the repo has no GGUF model", Quoted(quantization, 60)));
  }
  ASSIGN_OR_RETURN(const Variant* const chosen, Choose(contents, quantization));
  if (!chosen->is_complete) return MissingParts(*chosen);

  for (const Variant& variant : contents.variants) {
    if (&variant == chosen) continue;
    for (const size_t file : variant.files) {
      draft.Leave(file, fmt::format("another variant is taken: {}", chosen->name));
    }
  }
  for (const auto& [file, variant] : contents.copies) {
    if (&contents.variants[variant] == chosen) {
      draft.Leave(file, left_out::kOtherCopy);
    } else {
      draft.Leave(file, fmt::format("another variant is taken: {}", chosen->name));
    }
  }
  const std::optional<size_t> projector = ProjectorOf(contents, *chosen);
  for (const GgufProjector& other : contents.projectors) {
    if (other.file != projector) {
      draft.Leave(other.file, fmt::format("another projector is taken: {}", draft.path(*projector)));
    }
  }
  for (const auto& [file, kind] : contents.others) draft.Leave(file, ReasonFor(kind));
  return absl::OkStatus();
}

}  // namespace batuta::pull
