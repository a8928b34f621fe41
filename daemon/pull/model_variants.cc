#include "daemon/pull/model_variants.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "common/status/status.h"
#include "common/text/glob.h"
#include "common/text/human.h"
#include "daemon/pull/draft.h"
#include "daemon/pull/gguf_variants.h"
#include "daemon/pull/weight_variants.h"

namespace batuta::pull {
namespace {

absl::Status BadArgument(std::string_view message, std::string_view hint = {}) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, message, hint);
}

std::string FormatOf(const SelectionRequest& request) {
  return absl::AsciiStrToLower(request.format);
}

absl::Status CheckRequest(const SelectionRequest& request) {
  if (request.repo_type != RepoType::kModel) return BadArgument("only models have variants to choose among");
  if (!request.paths.empty() || !request.include.empty() || !request.locked.empty()) {
    return BadArgument("files were named, and the variant that fits was asked for",
                       "name the files, or let --auto-quantize choose");
  }
  if (!request.quantization.empty()) {
    return BadArgument("a quantization was named, and the variant that fits was asked for",
                       "leave out --quantization, or --auto-quantize");
  }
  if (FormatOf(request) == "all") {
    return BadArgument("all formats were asked for, and the variant that fits",
                       "leave out --format, or --auto-quantize");
  }
  return absl::OkStatus();
}

Draft DraftOf(const Tree& tree, const SelectionRequest& request) {
  Draft draft(tree, request.repo_type);
  for (size_t i = 0; i < draft.size(); ++i) {
    for (const std::string& glob : request.exclude) {
      if (MatchesGlob(glob, draft.path(i))) draft.Leave(i, left_out::kExcluded);
    }
  }
  return draft;
}

void Add(const Entry& entry, std::vector<Entry>& entries, uint64_t& bytes) {
  entries.push_back(entry);
  bytes += entry.size_bytes;
}

// --- GGUF ---

absl::Status SeveralModels(const GgufContents& contents) {
  constexpr size_t kMostListed = 10;
  std::vector<std::string> names;
  for (const GgufVariant& variant : contents.variants) {
    if (names.size() == kMostListed) break;
    names.push_back(Printable(variant.name));
  }
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kChoiceNeeded,
                   fmt::format("the repo has several models, and none was chosen: {}{}",
                               fmt::join(names, ", "), contents.variants.size() > kMostListed ? " …" : ""),
                   "leave the others out with --exclude GLOB, or name a variant with --quantization");
}

std::string FlawIn(const GgufVariant& variant) {
  if (variant.is_complete) return std::string(FlawOf(variant));
  if (variant.parts == 0) return "parts of it are missing in this revision";
  return fmt::format("only {} of its {} parts are in this revision", variant.parts_seen, variant.parts);
}

absl::StatusOr<ModelVariants> OfGguf(const Draft& draft, const GgufContents& contents) {
  if (!contents.has_main) return SeveralModels(contents);
  ModelVariants found;
  std::vector<std::string> others;
  for (const GgufVariant& variant : contents.variants) {
    if (!variant.is_main) {
      others.push_back(Printable(variant.name));
      continue;
    }
    ModelVariant one{.label = variant.name,
                     .quantization = variant.name,
                     .ranked_as = variant.label,
                     .stem = variant.stem,
                     .is_gguf = true,
                     .has_imatrix = variant.has_imatrix,
                     .flaw = FlawIn(variant),
                     .weights = {},
                     .side_cars = {}};
    for (const size_t file : variant.files) Add(draft.entry(file), one.weights, one.weights_bytes);
    if (const std::optional<size_t> projector = ProjectorOf(contents, variant)) {
      Add(draft.entry(*projector), one.side_cars, one.side_car_bytes);
    }
    found.list.push_back(std::move(one));
  }
  if (!others.empty()) {
    constexpr size_t kMostListed = 5;
    const size_t more = others.size() - std::min(others.size(), kMostListed);
    others.resize(others.size() - more);
    found.notes.push_back(fmt::format("Not considered, since the repo is about another model: {}{}.",
                                      fmt::join(others, ", "), more > 0 ? " …" : ""));
  }
  return found;
}

// --- other formats ---

// What loses as much; an order of its own is not worth it.
std::string RankedAs(const WeightVariant& variant, bool has_half) {
  constexpr std::array<std::string_view, 9> kLabels = {"F16",  "F16",  "Q8_0", "Q8_0", "Q8_0",
                                                       "Q4_0", "Q4_0", "Q2_0", "Q1_0"};
  if (variant.label == "bf16") return "BF16";
  const int rank = PrecisionRank(variant).value_or(0);
  if (rank == 0 && has_half) return "F32";
  return std::string(kLabels.at(static_cast<size_t>(rank)));
}

FileFormat FormatTaken(const Draft& draft, const Selection& selection) {
  for (const FileFormat format : {FileFormat::kSafetensors, FileFormat::kOnnx, FileFormat::kPytorch}) {
    for (size_t i = 0; i < draft.size(); ++i) {
      const FileKind& kind = draft.kind(i);
      if (selection.entries[i].selected && kind.is_weight && kind.format == format) return format;
    }
  }
  return FileFormat::kPlain;
}

absl::StatusOr<ModelVariant> OfPrecision(const Tree& tree, const Draft& draft, SelectionRequest request,
                                         const WeightVariant& variant) {
  const bool is_default = variant.label == kDefaultVariant;
  ModelVariant one{.label = variant.label,
                   .quantization = is_default ? std::string() : variant.label,
                   .ranked_as = {},
                   .stem = {},
                   .is_gguf = false,
                   .flaw = {},
                   .weights = {},
                   .side_cars = {}};
  request.quantization = one.quantization;
  ASSIGN_OR_RETURN(const Selection selection, PlanSelection(tree, request));
  for (size_t i = 0; i < draft.size(); ++i) {
    const FileKind& kind = draft.kind(i);
    if (!selection.entries[i].selected || !kind.is_weight || kind.format != variant.format) continue;
    Add(draft.entry(i), one.weights, one.weights_bytes);
  }
  return one;
}

absl::StatusOr<ModelVariants> OfPrecisions(const Tree& tree, const Draft& draft,
                                           const SelectionRequest& request) {
  ASSIGN_OR_RETURN(const Selection selection, PlanSelection(tree, request));
  const FileFormat format = FormatTaken(draft, selection);
  std::vector<WeightVariant> variants = WeightVariantsOf(draft);
  std::erase_if(variants, [&](const WeightVariant& variant) {
    return variant.format != format || !PrecisionRank(variant).has_value();
  });
  if (variants.empty()) {
    return MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound,
                     "the repo has no model of a format that comes in variants (GGUF, safetensors, ONNX)",
                     "list what there is with `batuta hf files`, and pull without --auto-quantize");
  }
  const bool has_half = std::ranges::any_of(
      variants, [](const auto& variant) { return variant.label == "fp16" || variant.label == "bf16"; });
  ModelVariants found;
  for (const WeightVariant& variant : variants) {
    ASSIGN_OR_RETURN(ModelVariant one, OfPrecision(tree, draft, request, variant));
    one.ranked_as = RankedAs(variant, has_half);
    found.list.push_back(std::move(one));
  }
  return found;
}

std::optional<Entry> ConfigOf(const Tree& tree) {
  const auto config = std::ranges::find_if(
      tree.entries, [](const Entry& entry) { return entry.path.text() == "config.json"; });
  if (config == tree.entries.end()) return std::nullopt;
  return *config;
}

}  // namespace

absl::StatusOr<ModelVariants> FindVariants(const Tree& tree, const SelectionRequest& request) {
  RETURN_IF_ERROR(CheckRequest(request));
  const Draft draft = DraftOf(tree, request);
  const GgufContents gguf = SortGguf(draft);
  const std::string format = FormatOf(request);
  if (!gguf.variants.empty() && (format.empty() || format == "gguf")) return OfGguf(draft, gguf);
  ASSIGN_OR_RETURN(ModelVariants found, OfPrecisions(tree, draft, request));
  found.config = ConfigOf(tree);
  return found;
}

}  // namespace batuta::pull
