#include "daemon/dependency/dependency.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"

namespace batuta::dependency {
namespace {

constexpr std::array kRelations = {Relation::kAdapter, Relation::kQuantized, Relation::kMerge,
                                   Relation::kFinetune};
constexpr size_t kMostNameBytes = 4'096;

std::string_view NextPart(std::string_view* rest) {
  const size_t slash = rest->find('/');
  const std::string_view part = rest->substr(0, slash);
  rest->remove_prefix(slash == std::string_view::npos ? rest->size() : slash + 1);
  return part;
}

std::optional<BaseName> Named(std::string_view id) {
  auto repo = RepoId::Parse(RepoType::kModel, id);
  if (!repo.ok()) return std::nullopt;
  return BaseName{*std::move(repo)};
}

std::optional<Revision> RevisionOf(std::string_view text) {
  auto revision = Revision::Parse(text);
  if (!revision.ok()) return std::nullopt;
  return *std::move(revision);
}

// `host/namespace/name[/tree/revision…]`, or `host/name`.
std::optional<BaseName> FromPage(std::string_view page) {
  page = page.substr(0, page.find_first_of("?#"));
  const std::string_view host = NextPart(&page);
  if (host.empty()) return std::nullopt;
  std::string id(NextPart(&page));
  if (id == "datasets" || id == "spaces") return std::nullopt;
  const std::string_view name = NextPart(&page);
  if (!name.empty()) id.append("/").append(name);
  std::optional<BaseName> base = Named(id);
  const std::string_view view = NextPart(&page);
  if (base && (view == "tree" || view == "blob" || view == "resolve" || view == "commit")) {
    base->revision = RevisionOf(NextPart(&page));
  }
  return base;
}

// A path with a repo's folder on the way.
std::optional<BaseName> FromCachePath(std::string_view path) {
  while (!path.empty()) {
    const auto repo = RepoId::FromFolder(NextPart(&path));
    if (!repo.ok() || repo->type() != RepoType::kModel) continue;
    BaseName base{*repo};
    if (NextPart(&path) == "snapshots") {
      const auto commit = CommitId::Parse(NextPart(&path));
      if (commit.ok()) base.revision = Revision::From(*commit);
    }
    return base;
  }
  return std::nullopt;
}

}  // namespace

std::string_view ToString(Relation relation) {
  switch (relation) {
    case Relation::kAdapter:
      return "adapter";
    case Relation::kQuantized:
      return "quantized";
    case Relation::kMerge:
      return "merge";
    case Relation::kFinetune:
      return "finetune";
  }
  return "adapter";
}

std::optional<Relation> ParseRelation(std::string_view text) {
  const auto* found = std::find_if(kRelations.begin(), kRelations.end(),
                                   [text](Relation relation) { return ToString(relation) == text; });
  if (found == kRelations.end()) return std::nullopt;
  return *found;
}

std::string_view ToString(Source source) {
  switch (source) {
    case Source::kAdapterConfig:
      return "adapter_config.json";
    case Source::kCard:
      return "README.md";
    case Source::kTag:
      return "tag";
    case Source::kGguf:
      return "GGUF metadata";
  }
  return "tag";
}

std::optional<BaseName> ParseBaseName(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  if (text.empty() || text.size() > kMostNameBytes) return std::nullopt;
  for (const std::string_view scheme : {"https://", "http://", "hf://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    return scheme == "hf://" ? Named(text) : FromPage(text);
  }
  if (std::optional<BaseName> base = Named(text)) return base;
  return FromCachePath(text);
}

std::vector<Dependency> Unite(const std::vector<Dependency>& found) {
  std::vector<Dependency> united;
  for (const Dependency& next : found) {
    const auto same = std::find_if(united.begin(), united.end(), [&next](const Dependency& known) {
      return absl::AsciiStrToLower(known.base.repo.id()) == absl::AsciiStrToLower(next.base.repo.id());
    });
    if (same == united.end()) {
      united.push_back(next);
      continue;
    }
    if (next.relation < same->relation) {
      same->relation = next.relation;
      same->source = next.source;
    }
    if (!same->base.revision) same->base.revision = next.base.revision;
  }
  return united;
}

}  // namespace batuta::dependency
