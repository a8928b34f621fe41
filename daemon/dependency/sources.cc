#include "daemon/dependency/sources.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

namespace batuta::dependency {
namespace {

constexpr size_t kMostTextBytes = 1 << 20;
constexpr size_t kMostFrontMatterBytes = 256 << 10;
constexpr size_t kMostBases = 64;
constexpr size_t kMostTags = 1'000;
constexpr std::string_view kFence = "---";

void Append(std::vector<Dependency> more, std::vector<Dependency>* all) {
  std::move(more.begin(), more.end(), std::back_inserter(*all));
}

std::string TextMember(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The next line, without its end; CRLF is one.
std::string_view NextLine(std::string_view* rest) {
  const size_t end = rest->find('\n');
  std::string_view line = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// The YAML between the fences at the very beginning (hub-protocol 7.1).
std::string_view FrontMatter(std::string_view readme) {
  if (readme.starts_with("\xEF\xBB\xBF")) readme.remove_prefix(3);
  const size_t first = readme.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  readme.remove_prefix(first);
  if (NextLine(&readme) != kFence) return {};
  const std::string_view yaml = readme;
  while (!readme.empty() && yaml.size() - readme.size() <= kMostFrontMatterBytes) {
    const size_t length = yaml.size() - readme.size();
    const std::string_view line = NextLine(&readme);
    if (line.starts_with(kFence) && IsBlank(line.substr(kFence.size()))) return yaml.substr(0, length);
  }
  return {};
}

// The texts of a node that is one, or a list of them. (Asking a missing one for its kind throws.)
std::vector<std::string> TextsOf(const YAML::Node& node, size_t limit) {
  std::vector<std::string> texts;
  if (!node.IsDefined()) return texts;
  if (node.IsScalar()) texts.push_back(node.Scalar());
  if (!node.IsSequence()) return texts;
  for (const YAML::Node& item : node) {
    if (texts.size() == limit) break;
    if (item.IsScalar()) texts.push_back(item.Scalar());
  }
  return texts;
}

void FillCard(const YAML::Node& root, Card* card) {
  if (!root.IsMap()) return;
  for (const std::string& text : TextsOf(root["base_model"], kMostBases)) {
    if (auto base = ParseBaseName(text)) card->bases.push_back(*std::move(base));
  }
  for (const std::string& text : TextsOf(root["base_model_relation"], 1))
    card->relation = ParseRelation(text);
  for (const std::string& text : TextsOf(root["library_name"], 1)) card->library = text;
  card->tags = TextsOf(root["tags"], kMostTags);
}

bool HasTag(const std::vector<std::string>& tags, std::initializer_list<std::string_view> wanted) {
  return std::any_of(tags.begin(), tags.end(), [&wanted](const std::string& tag) {
    return std::find(wanted.begin(), wanted.end(), tag) != wanted.end();
  });
}

Relation RelationOf(const Card& card, const Evidence& evidence) {
  if (card.relation) return *card.relation;
  if (!evidence.adapter_configs.empty() || card.library == "peft" ||
      HasTag(card.tags, {"adapter", "lora", "peft"})) {
    return Relation::kAdapter;
  }
  if (!evidence.ggufs.empty() || HasTag(card.tags, {"gguf", "gptq", "awq", "exl2", "quantized"})) {
    return Relation::kQuantized;
  }
  return card.bases.size() > 1 ? Relation::kMerge : Relation::kFinetune;
}

// `general.base_model.<n>.`
std::string GgufPrefix(uint64_t number) {
  return fmt::format("general.base_model.{}.", number);
}

std::optional<BaseName> GgufBase(const gguf::Metadata& metadata, const std::string& prefix) {
  for (const char* key : {"repo_url", "url"}) {
    if (const auto url = metadata.Text(prefix + key)) {
      if (auto base = ParseBaseName(*url)) return base;
    }
  }
  const auto organization = metadata.Text(prefix + "organization");
  const auto name = metadata.Text(prefix + "name");
  if (!organization || !name) return std::nullopt;
  // The writer of these files turns the hyphens of an id into blanks.
  std::string id = fmt::format("{}/{}", *organization, *name);
  std::replace(id.begin(), id.end(), ' ', '-');
  return ParseBaseName(id);
}

}  // namespace

std::vector<Dependency> FromAdapterConfig(std::string_view json) {
  if (json.size() > kMostTextBytes) return {};
  const nlohmann::json config = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object()) return {};
  std::optional<BaseName> base = ParseBaseName(TextMember(config, "base_model_name_or_path"));
  if (!base) return {};
  if (!base->revision) {
    auto revision = Revision::Parse(TextMember(config, "revision"));
    if (revision.ok()) base->revision = *std::move(revision);
  }
  return {{*std::move(base), Relation::kAdapter, Source::kAdapterConfig}};
}

Card ParseCard(std::string_view readme) {
  Card card;
  const std::string yaml(FrontMatter(readme));
  if (yaml.empty()) return card;
  try {
    FillCard(YAML::Load(yaml), &card);
  } catch (const YAML::Exception&) {
    return {};  // the hub refuses such a card, but other tools let one through
  }
  return card;
}

std::vector<Dependency> FromTags(const std::vector<std::string>& tags) {
  constexpr std::string_view kPrefix = "base_model:";
  std::vector<Dependency> found;
  for (const std::string_view tag : tags) {
    if (found.size() == kMostBases) break;
    if (!tag.starts_with(kPrefix)) continue;
    const std::string_view rest = tag.substr(kPrefix.size());
    const size_t colon = rest.find(':');
    if (colon == std::string_view::npos) continue;
    const std::optional<Relation> relation = ParseRelation(rest.substr(0, colon));
    std::optional<BaseName> base = ParseBaseName(rest.substr(colon + 1));
    if (relation && base) found.push_back({*std::move(base), *relation, Source::kTag});
  }
  return found;
}

bool IsGgufKey(std::string_view key) {
  return key == "general.type" || key.starts_with("general.base_model.");
}

std::vector<Dependency> FromGguf(const gguf::Metadata& metadata) {
  const Relation relation =
      metadata.Text("general.type") == "adapter" ? Relation::kAdapter : Relation::kQuantized;
  const int64_t count = std::clamp<int64_t>(metadata.Number("general.base_model.count").value_or(1), 0,
                                            static_cast<int64_t>(kMostBases));
  std::vector<Dependency> found;
  for (int64_t i = 0; i < count; ++i) {
    if (auto base = GgufBase(metadata, GgufPrefix(static_cast<uint64_t>(i)))) {
      found.push_back({*std::move(base), relation, Source::kGguf});
    }
  }
  return found;
}

std::vector<Dependency> DependenciesOf(const Evidence& evidence) {
  std::vector<Dependency> all;
  for (const std::string& config : evidence.adapter_configs) Append(FromAdapterConfig(config), &all);
  const Card card = ParseCard(evidence.readme);
  const Relation relation = RelationOf(card, evidence);
  for (const BaseName& base : card.bases) all.push_back({base, relation, Source::kCard});
  Append(FromTags(card.tags), &all);
  Append(FromTags(evidence.tags), &all);
  for (const gguf::Metadata& metadata : evidence.ggufs) Append(FromGguf(metadata), &all);
  return Unite(all);
}

}  // namespace batuta::dependency
