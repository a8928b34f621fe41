#include "daemon/pull/gguf_variants.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "daemon/pull/quant_label.h"

namespace batuta::pull {
namespace {

using Kind = GgufName::Kind;

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower({text.data(), text.size()});
}

// The files of one variant in one way of cutting it.
struct Group {
  GgufName name;
  std::map<uint32_t, size_t> files;  // by part
  uint64_t size_bytes = 0;

  bool is_complete() const {
    if (name.part == 0) return true;
    const bool is_gapless = files.begin()->first == 1 && files.rbegin()->first == files.size();
    return is_gapless && (name.parts == 0 ? files.size() > 1 : files.size() == name.parts);
  }

  // Of several copies the least one is taken.
  auto order() const { return std::tuple(!is_complete(), name.is_byte_cut, files.size()); }
};

// Folder, stem, and how it is cut: parts of two different cuts never make one file.
using GroupKey = std::tuple<std::string, std::string, uint32_t, bool>;

struct Groups {
  std::vector<Group> list;  // in the tree's order
  std::map<GroupKey, size_t> known;

  void Add(const Draft& draft, size_t index, const GgufName& name) {
    const auto [found, is_new] =
        known.try_emplace({name.folder, name.stem, name.parts, name.is_byte_cut}, list.size());
    if (is_new) list.push_back({.name = name, .files = {}});
    Group& group = list[found->second];
    const bool is_first = group.files.try_emplace(name.part, index).second;
    if (is_first) group.size_bytes += draft.entry(index).size_bytes;
  }
};

GgufVariant VariantOf(const Group& group) {
  GgufVariant variant{.folder = group.name.folder,
                      .stem = group.name.stem,
                      .label = group.name.label,
                      .name = {},
                      .has_imatrix = group.name.has_imatrix,
                      .files = {}};
  for (const auto& [part, file] : group.files) variant.files.push_back(file);
  variant.parts = group.name.parts;
  variant.parts_seen = group.name.part == 0 ? 0 : static_cast<uint32_t>(group.files.size());
  variant.is_byte_cut = group.name.is_byte_cut;
  variant.is_complete = group.is_complete();
  variant.size_bytes = group.size_bytes;
  return variant;
}

// The groups as variants, of equal ones the best copy.
void AddVariants(const Groups& groups, GgufContents& contents) {
  std::map<std::pair<std::string, std::string>, size_t> best;  // group by folder and stem
  for (size_t i = 0; i < groups.list.size(); ++i) {
    const Group& group = groups.list[i];
    const auto [found, is_new] = best.try_emplace({group.name.folder, group.name.stem}, i);
    if (!is_new && group.order() < groups.list[found->second].order()) found->second = i;
  }
  std::map<size_t, size_t> variant_of;  // by group
  for (size_t i = 0; i < groups.list.size(); ++i) {
    const Group& group = groups.list[i];
    if (best.at({group.name.folder, group.name.stem}) != i) continue;
    variant_of[i] = contents.variants.size();
    contents.variants.push_back(VariantOf(group));
  }
  for (size_t i = 0; i < groups.list.size(); ++i) {
    const Group& group = groups.list[i];
    const size_t chosen = best.at({group.name.folder, group.name.stem});
    if (chosen == i) continue;
    for (const auto& [part, file] : group.files) contents.copies.emplace_back(file, variant_of.at(chosen));
  }
}

// The name without its label, and without what joined them: what names the model rather than the
// quantisation.
std::string ModelOf(const GgufVariant& variant) {
  std::string model;
  const std::string lower = Lower(variant.stem);
  const std::optional<FoundLabel> found = FindQuantLabel(lower);
  std::string_view rest = found ? std::string_view(lower).substr(0, found->begin) : lower;
  const std::string_view behind = found ? std::string_view(lower).substr(found->end) : std::string_view();
  for (std::string_view part : {rest, behind}) {
    while (!part.empty() && std::string_view("-._").find(part.back()) != part.npos) part.remove_suffix(1);
    while (!part.empty() && std::string_view("-._").find(part.front()) != part.npos) part.remove_prefix(1);
    if (!model.empty() && !part.empty()) model += '-';
    model += part;
  }
  return model;
}

// Several models show in a label that stands twice; names alone differ for many reasons.
bool HasLabelTwice(const GgufContents& contents) {
  std::vector<std::string> labels;
  for (const GgufVariant& variant : contents.variants) labels.push_back(variant.label);
  std::sort(labels.begin(), labels.end());
  return std::adjacent_find(labels.begin(), labels.end()) != labels.end();
}

void FindMain(GgufContents& contents) {
  if (!HasLabelTwice(contents)) return;
  std::map<std::string, size_t> counts;
  std::vector<std::string> models;
  for (const GgufVariant& variant : contents.variants) ++counts[models.emplace_back(ModelOf(variant))];
  size_t most = 0;
  for (const auto& [model, count] : counts) most = std::max(most, count);
  const auto have_most =
      std::count_if(counts.begin(), counts.end(), [&](const auto& item) { return item.second == most; });
  contents.has_main = have_most <= 1;
  for (size_t i = 0; i < models.size(); ++i) {
    contents.variants[i].is_main = !contents.has_main || counts[models[i]] == most;
  }
}

// What the variant may be called, shortest first.
std::vector<std::string> NamesFor(const GgufVariant& variant, bool may_use_label, bool has_static_twin) {
  std::vector<std::string> names;
  if (may_use_label && !variant.label.empty()) {
    names.push_back(variant.has_imatrix && has_static_twin ? "i1-" + variant.label : variant.label);
  }
  names.push_back(variant.stem);
  names.push_back(variant.path_prefix());
  return names;
}

void NameVariants(GgufContents& contents) {
  const auto has_static_twin = [&](const GgufVariant& variant) {
    return std::any_of(contents.variants.begin(), contents.variants.end(), [&](const GgufVariant& other) {
      return other.is_main && !other.has_imatrix && other.label == variant.label;
    });
  };
  std::vector<std::vector<std::string>> names;
  std::map<std::string, size_t> users;  // of each name in lower case
  for (const GgufVariant& variant : contents.variants) {
    names.push_back(NamesFor(variant, variant.is_main, variant.has_imatrix && has_static_twin(variant)));
    std::vector<std::string> own;
    for (const std::string& name : names.back()) own.push_back(Lower(name));
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    for (const std::string& name : own) ++users[name];
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const auto unique = std::find_if(names[i].begin(), names[i].end(),
                                     [&](const std::string& name) { return users[Lower(name)] == 1; });
    contents.variants[i].name = unique == names[i].end() ? names[i].back() : *unique;
  }
}

std::string WithoutDynamic(std::string_view label) {
  constexpr std::string_view kDynamic = "UD-";
  return std::string(label.starts_with(kDynamic) ? label.substr(kDynamic.size()) : label);
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
size_t ProjectorRank(const GgufName& name, const GgufVariant& variant) {
  if (name.label == variant.label) return 0;
  constexpr std::array<std::string_view, 4> kOrder = {"F16", "BF16", "Q8_0", "F32"};
  return 1 + static_cast<size_t>(std::find(kOrder.begin(), kOrder.end(), name.label) - kOrder.begin());
}

}  // namespace

GgufContents SortGguf(const Draft& draft) {
  GgufContents contents;
  Groups groups;
  for (size_t i = 0; i < draft.size(); ++i) {
    if (!draft.is_taken(i) || draft.kind(i).format != FileFormat::kGguf) continue;
    std::optional<GgufName> name = ParseGgufName(draft.path(i));
    if (!name) continue;
    if (name->kind == Kind::kModel) {
      groups.Add(draft, i, *name);
    } else if (name->kind == Kind::kProjector) {
      contents.projectors.push_back({i, *std::move(name)});
    } else {
      contents.others.emplace_back(i, name->kind);
    }
  }
  AddVariants(groups, contents);
  FindMain(contents);
  NameVariants(contents);
  return contents;
}

std::vector<const GgufVariant*> VariantsNamed(const GgufContents& contents, std::string_view wanted) {
  constexpr std::string_view kImatrix = "i1-";
  std::vector<const GgufVariant*> by_label;
  std::vector<const GgufVariant*> by_stem;
  std::vector<const GgufVariant*> near;
  const bool is_marked = absl::StartsWithIgnoreCase({wanted.data(), wanted.size()}, {kImatrix.data(), 3});
  const std::string label = CanonicalLabel(is_marked ? wanted.substr(kImatrix.size()) : wanted);
  const std::string lower = Lower(wanted);
  for (const GgufVariant& variant : contents.variants) {
    if (variant.name == wanted) return {&variant};
  }
  for (const GgufVariant& variant : contents.variants) {
    if (Lower(variant.name) == lower) return {&variant};
    if (!variant.label.empty() && variant.label == label) by_label.push_back(&variant);
    if (Lower(variant.stem) == lower) by_stem.push_back(&variant);
    if (WithoutDynamic(variant.label) == label) near.push_back(&variant);
  }
  for (std::vector<const GgufVariant*>* const found : {&by_label, &by_stem, &near}) {
    if (found->empty()) continue;
    std::vector<const GgufVariant*> main;
    std::copy_if(found->begin(), found->end(), std::back_inserter(main),
                 [](const GgufVariant* variant) { return variant->is_main; });
    return main.empty() ? *found : main;
  }
  return {};
}

std::optional<size_t> ProjectorOf(const GgufContents& contents, const GgufVariant& variant) {
  const auto order = [&](const GgufProjector& projector) {
    const bool is_elsewhere = projector.name.folder != variant.folder;
    const size_t distance = 64 - std::min<size_t>(CommonDepth(projector.name.folder, variant.folder), 64);
    const bool is_f32 = projector.name.label == "F32";
    return std::tuple(is_elsewhere, distance, is_f32, ProjectorRank(projector.name, variant));
  };
  const auto best =
      std::min_element(contents.projectors.begin(), contents.projectors.end(),
                       [&](const GgufProjector& a, const GgufProjector& b) { return order(a) < order(b); });
  if (best == contents.projectors.end()) return std::nullopt;
  return best->file;
}

std::string_view FlawOf(const GgufVariant& variant) {
  if (variant.is_byte_cut) return "its parts must be put together before anything can load it";
  switch (SupportOf(variant.label)) {
    case LabelSupport::kUsual:
      return "";
    case LabelSupport::kWithdrawn:
      return "its type was withdrawn: today's programs refuse it";
    case LabelSupport::kFork:
      return "only a fork of llama.cpp can load it";
    case LabelSupport::kUnknown:
      break;
  }
  return "its type is not known";
}

}  // namespace batuta::pull
