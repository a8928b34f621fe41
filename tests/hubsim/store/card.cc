#include "tests/hubsim/store/card.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/status/status.h"
#include <yaml-cpp/yaml.h>

#include "tests/hubsim/net/url.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSmallFile = 1U << 20U;
constexpr int kDeepestYaml = 64;

json PlainScalar(const std::string& text) {
  if (text.empty() || text == "null" || text == "~" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, whole); error == std::errc() && at == end) {
    return whole;
  }
  double real = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, real);
      error == std::errc() && at == end && std::isfinite(real)) {
    return real;
  }
  return text;
}

json NodeToJson(const YAML::Node& node, int depth) {
  if (depth > kDeepestYaml) return nullptr;
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      // The library tags quoted scalars with "!".
      return node.Tag() == "!" ? json(node.Scalar()) : PlainScalar(node.Scalar());
    case YAML::NodeType::Sequence: {
      json list = json::array();
      for (const YAML::Node& item : node) list.push_back(NodeToJson(item, depth + 1));
      return list;
    }
    case YAML::NodeType::Map: {
      json object = json::object();
      for (const auto& pair : node) object[pair.first.Scalar()] = NodeToJson(pair.second, depth + 1);
      return object;
    }
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      break;
  }
  return nullptr;
}

// A field that may be one string or a list of them.
std::vector<std::string> StringsOf(const json& object, std::string_view key) {
  std::vector<std::string> values;
  if (!object.is_object() || !object.contains(std::string(key))) return values;
  const json& field = object.at(std::string(key));
  if (field.is_string()) values.push_back(field.get<std::string>());
  if (!field.is_array()) return values;
  for (const json& item : field) {
    if (item.is_string()) values.push_back(item.get<std::string>());
  }
  return values;
}

std::string StringOf(const json& object, std::string_view key) {
  const std::vector<std::string> values = StringsOf(object, key);
  return values.size() == 1 ? values.front() : std::string();
}

bool HasFileLike(const Tree& tree, std::string_view suffix) {
  return std::ranges::any_of(tree, [suffix](const auto& entry) {
    return !entry.second.is_directory && entry.first.ends_with(suffix);
  });
}

std::string LibraryOf(const Repo& repo, const Tree& tree, const RepoFacts& facts) {
  if (!repo.settings.library_name.empty()) return repo.settings.library_name;
  if (const std::string stated = StringOf(facts.card, "library_name"); !stated.empty()) return stated;
  if (tree.contains("adapter_config.json")) return "peft";
  if (facts.config.is_object() && facts.config.contains("model_type")) return "transformers";
  if (HasFileLike(tree, ".gguf")) return "gguf";
  return {};
}

BaseModels BaseOf(const Tree& tree, const json& card) {
  BaseModels base{.relation = StringOf(card, "base_model_relation"), .ids = StringsOf(card, "base_model")};
  if (base.ids.empty() || !base.relation.empty()) return base;
  if (tree.contains("adapter_config.json")) {
    base.relation = "adapter";
  } else if (HasFileLike(tree, ".gguf")) {
    base.relation = "quantized";
  } else {
    base.relation = base.ids.size() > 1 ? "merge" : "finetune";
  }
  return base;
}

class TagList {
 public:
  void Add(const std::string& tag) {
    if (!tag.empty() && std::ranges::find(tags_, tag) == tags_.end()) tags_.push_back(tag);
  }

  void AddAll(const std::vector<std::string>& values, const std::string& prefix = "") {
    for (const std::string& value : values) Add(prefix + value);
  }

  std::vector<std::string> Take() { return std::move(tags_); }

 private:
  std::vector<std::string> tags_;
};

void AddModelTags(TagList& tags, const Tree& tree, const RepoFacts& facts) {
  tags.Add(facts.library_name);
  if (HasFileLike(tree, ".safetensors")) tags.Add("safetensors");
  if (HasFileLike(tree, ".gguf")) tags.Add("gguf");
  if (HasFileLike(tree, ".onnx")) tags.Add("onnx");
  if (HasFileLike(tree, "pytorch_model.bin")) tags.Add("pytorch");
  if (facts.config.is_object()) tags.Add(StringOf(facts.config, "model_type"));
  tags.Add(facts.pipeline_tag);
  tags.AddAll(StringsOf(facts.card, "tags"));
  tags.AddAll(StringsOf(facts.card, "language"));
  tags.AddAll(StringsOf(facts.card, "datasets"), "dataset:");
  tags.AddAll(facts.base.ids, "base_model:");
  if (!facts.base.relation.empty()) tags.AddAll(facts.base.ids, "base_model:" + facts.base.relation + ":");
}

void AddDatasetTags(TagList& tags, const json& card) {
  for (const char* field : {"task_categories", "task_ids", "annotations_creators", "language_creators",
                            "multilinguality", "source_datasets", "language", "size_categories"}) {
    tags.AddAll(StringsOf(card, field), std::string(field) + ":");
  }
  tags.AddAll(StringsOf(card, "tags"));
}

}  // namespace

std::optional<std::string> FrontMatter(std::string_view readme) {
  const std::size_t start = readme.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return std::nullopt;
  readme.remove_prefix(start);
  if (!readme.starts_with("---")) return std::nullopt;
  std::string text;
  bool is_first = true;
  for (std::string line : Split(readme, '\n')) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
      line.pop_back();
    if (is_first) {
      if (line != "---") return std::nullopt;
      is_first = false;
    } else if (line == "---") {
      return text;
    } else {
      text += line + "\n";
    }
  }
  return std::nullopt;
}

absl::StatusOr<json> YamlToJson(const std::string& text) {
  try {
    return NodeToJson(YAML::Load(text), 0);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

json CardDataOf(const Tree& tree) {
  const auto readme = tree.find("README.md");
  if (readme == tree.end() || readme->second.content == nullptr) return nullptr;
  const auto matter = FrontMatter(ReadPrefix(*readme->second.content, kSmallFile));
  if (!matter) return nullptr;
  absl::StatusOr<json> card = YamlToJson(*matter);
  return card.ok() && card->is_object() ? *card : json(nullptr);
}

json JsonFileOf(const Tree& tree, std::string_view path) {
  const auto entry = tree.find(path);
  if (entry == tree.end() || entry->second.content == nullptr || entry->second.size > kSmallFile)
    return nullptr;
  json parsed = json::parse(ReadAll(*entry->second.content), nullptr, false);
  return parsed.is_discarded() ? json(nullptr) : parsed;
}

RepoFacts DeriveFacts(const Repo& repo, const Tree& tree) {
  RepoFacts facts;
  facts.card = CardDataOf(tree);
  facts.config = JsonFileOf(tree, "config.json");
  facts.pipeline_tag =
      repo.settings.pipeline_tag.empty() ? StringOf(facts.card, "pipeline_tag") : repo.settings.pipeline_tag;
  TagList tags;
  if (repo.kind == RepoKind::kModel) {
    facts.library_name = LibraryOf(repo, tree, facts);
    facts.base = BaseOf(tree, facts.card);
    AddModelTags(tags, tree, facts);
  } else if (repo.kind == RepoKind::kDataset) {
    AddDatasetTags(tags, facts.card);
  } else {
    tags.Add(StringOf(facts.card, "sdk"));
    tags.AddAll(StringsOf(facts.card, "tags"));
  }
  tags.AddAll(StringsOf(facts.card, "license"), "license:");
  tags.AddAll(repo.settings.tags);
  tags.Add("region:us");
  facts.tags = tags.Take();
  return facts;
}

}  // namespace batuta::hubsim
