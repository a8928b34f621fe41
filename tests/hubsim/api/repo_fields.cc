#include "tests/hubsim/api/repo_fields.h"

#include <algorithm>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/store/model_files.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::size_t kMostSpaces = 100;

json GatedValue(const Repo& repo) {
  return repo.settings.gated.empty() ? json(false) : json(repo.settings.gated);
}

std::optional<json> NonNull(json value) {
  if (value.is_null()) return std::nullopt;
  return value;
}

std::optional<json> NonEmpty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return json(text);
}

json LfsBlock(const Node& node) {
  return {{"sha256", Hex(*node.sha256)}, {"size", node.size}, {"pointerSize", node.pointer_size}};
}

std::vector<std::string> CardStrings(const json& card, std::string_view key) {
  std::vector<std::string> values = JsonStrings(card, key);
  if (const std::string one = JsonString(card, key); !one.empty()) values.push_back(one);
  return values;
}

}  // namespace

const std::vector<std::string>& ExpandNames(RepoKind kind) {
  static const std::vector<std::string> kModels = {"author",
                                                   "baseModels",
                                                   "cardData",
                                                   "childrenModelCount",
                                                   "config",
                                                   "createdAt",
                                                   "disabled",
                                                   "downloads",
                                                   "downloadsAllTime",
                                                   "evalResults",
                                                   "gated",
                                                   "gguf",
                                                   "inference",
                                                   "inferenceProviderMapping",
                                                   "lastModified",
                                                   "library_name",
                                                   "likes",
                                                   "mask_token",
                                                   "model-index",
                                                   "pipeline_tag",
                                                   "private",
                                                   "resourceGroup",
                                                   "safetensors",
                                                   "sha",
                                                   "siblings",
                                                   "spaces",
                                                   "tags",
                                                   "transformersInfo",
                                                   "trendingScore",
                                                   "usedStorage",
                                                   "widgetData",
                                                   "xetEnabled",
                                                   "gitalyUid"};
  static const std::vector<std::string> kDatasets = {"author",
                                                     "cardData",
                                                     "citation",
                                                     "createdAt",
                                                     "description",
                                                     "disabled",
                                                     "downloads",
                                                     "downloadsAllTime",
                                                     "gated",
                                                     "lastModified",
                                                     "likes",
                                                     "mainSize",
                                                     "paperswithcode_id",
                                                     "private",
                                                     "resourceGroup",
                                                     "sha",
                                                     "siblings",
                                                     "tags",
                                                     "trendingScore",
                                                     "usedStorage",
                                                     "gitalyUid",
                                                     "xetEnabled"};
  static const std::vector<std::string> kSpaces = {
      "author",   "cardData",  "createdAt", "datasets",      "disabled",    "lastModified", "likes",
      "models",   "private",   "region",    "resourceGroup", "runtime",     "sdk",          "sha",
      "siblings", "subdomain", "tags",      "trendingScore", "usedStorage", "gitalyUid",    "xetEnabled"};
  switch (kind) {
    case RepoKind::kModel:
      return kModels;
    case RepoKind::kDataset:
      return kDatasets;
    case RepoKind::kSpace:
      return kSpaces;
  }
  return kModels;
}

RepoFields::RepoFields(RepoStore& store, const Repo& repo, const Commit* commit)
    : store_(store),
      repo_(repo),
      commit_(commit),
      tree_(commit == nullptr ? empty_tree_ : *commit->tree),
      facts_(DeriveFacts(repo, tree_)) {}

std::optional<json> RepoFields::Field(std::string_view name) const {
  if (auto value = IdentityField(name)) return value;
  if (auto value = ContentField(name)) return value;
  return GraphField(name);
}

std::optional<json> RepoFields::IdentityField(std::string_view name) const {
  const RepoSettings& settings = repo_.settings;
  if (name == "_id") return json(repo_.object_id);
  if (name == "id") return json(repo_.id);
  if (name == "modelId" && repo_.kind == RepoKind::kModel) return json(repo_.id);
  if (name == "author") return NonEmpty(repo_.Namespace());
  if (name == "private") return json(settings.is_private);
  if (name == "gated") return GatedValue(repo_);
  if (name == "disabled") return json(settings.is_disabled);
  if (name == "downloads") return json(settings.downloads);
  if (name == "downloadsAllTime") return json(settings.downloads);
  if (name == "likes") return json(settings.likes);
  if (name == "trendingScore") return json(settings.likes);
  if (name == "createdAt") return json(settings.created_at);
  if (name == "xetEnabled") return json(false);
  if (name == "gitalyUid") return json(Sha256Hex(repo_.object_id));
  return std::nullopt;
}

std::optional<json> RepoFields::ContentField(std::string_view name) const {
  if (name == "sha") return commit_ == nullptr ? std::nullopt : std::optional<json>(commit_->id);
  if (name == "lastModified") return json(commit_ == nullptr ? repo_.settings.created_at : commit_->date);
  if (name == "siblings") return Siblings(false);
  if (name == "tags") return json(facts_.tags);
  if (name == "usedStorage") return json(UsedStorage());
  if (name == "mainSize" && repo_.kind == RepoKind::kDataset) return json(UsedStorage());
  if (name == "cardData") return NonNull(facts_.card);
  if (name == "description" || name == "citation" || name == "sdk")
    return NonEmpty(JsonString(facts_.card, name));
  if (repo_.kind != RepoKind::kModel) return std::nullopt;
  if (name == "library_name") return NonEmpty(facts_.library_name);
  if (name == "pipeline_tag") return NonEmpty(facts_.pipeline_tag);
  if (name == "safetensors") return NonNull(SafetensorsFacts(tree_));
  if (name == "gguf") return NonNull(GgufFacts(tree_));
  if (name == "config") return NonNull(ConfigSummary());
  if (name == "model-index" && facts_.card.is_object() && facts_.card.contains("model-index")) {
    return facts_.card.at("model-index");
  }
  if (name == "transformersInfo" && facts_.library_name == "transformers") {
    return json{
        {"auto_model", "AutoModel"}, {"pipeline_tag", facts_.pipeline_tag}, {"processor", "AutoTokenizer"}};
  }
  return std::nullopt;
}

std::optional<json> RepoFields::GraphField(std::string_view name) const {
  if (repo_.kind == RepoKind::kModel) {
    if (name == "baseModels" && !facts_.base.ids.empty()) return BaseModelsField();
    if (name == "childrenModelCount") return ChildrenCount();
    if (name == "spaces") return json(SpacesUsingThis());
  }
  if (repo_.kind == RepoKind::kSpace) {
    if (name == "models" || name == "datasets") return json(CardStrings(facts_.card, name));
    if (name == "subdomain") {
      std::string domain = ToLower(repo_.id);
      std::ranges::replace(domain, '/', '-');
      return json(domain);
    }
    if (name == "runtime") {
      return json{{"stage", "RUNNING"},
                  {"hardware", {{"current", "cpu-basic"}, {"requested", "cpu-basic"}}},
                  {"storage", nullptr},
                  {"gcTimeout", 172800},
                  {"replicas", {{"current", 1}, {"requested", 1}}}};
    }
  }
  return std::nullopt;
}

json RepoFields::Object(const std::vector<std::string>& names) const {
  json object = {{"_id", repo_.object_id}, {"id", repo_.id}};
  for (const std::string& name : names) {
    if (auto value = Field(name)) object[name] = *std::move(value);
  }
  return object;
}

json RepoFields::Siblings(bool with_blobs) const {
  json list = json::array();
  for (const auto& [path, node] : tree_) {
    if (node.is_directory) continue;
    json sibling = {{"rfilename", path}};
    if (with_blobs) {
      sibling["size"] = node.size;
      sibling["blobId"] = Hex(node.oid);
      if (node.is_lfs()) sibling["lfs"] = LfsBlock(node);
    }
    list.push_back(std::move(sibling));
  }
  return list;
}

json RepoFields::SecurityRepoStatus() const {
  json issues = json::array();
  bool are_scans_done = true;
  for (const auto& [path, node] : tree_) {
    if (node.is_directory) continue;
    const auto verdict = repo_.settings.security_file_status.find(path);
    const std::string level =
        verdict == repo_.settings.security_file_status.end()
            ? "unscanned"
            : JsonString(json::parse(verdict->second, nullptr, false), "status", "unscanned");
    if (level == "unscanned" || level == "queued") are_scans_done = false;
    if (level == "caution" || level == "suspicious" || level == "unsafe") {
      issues.push_back({{"path", path}, {"level", level}});
    }
  }
  return {{"scansDone", are_scans_done}, {"filesWithIssues", issues}};
}

std::uint64_t RepoFields::parameter_count() const {
  for (const char* name : {"safetensors", "gguf"}) {
    if (const auto block = Field(name)) return static_cast<std::uint64_t>(JsonInteger(*block, "total"));
  }
  return 0;
}

std::uint64_t RepoFields::UsedStorage() const {
  std::uint64_t total = 0;
  for (const auto& [path, node] : tree_) total += node.size;
  return total;
}

json RepoFields::ConfigSummary() const {
  json summary = json::object();
  for (const char* key : {"architectures", "model_type", "auto_map", "quantization_config"}) {
    if (facts_.config.is_object() && facts_.config.contains(key)) summary[key] = facts_.config.at(key);
  }
  const json tokenizer = JsonFileOf(tree_, "tokenizer_config.json");
  for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token", "chat_template"}) {
    if (tokenizer.is_object() && tokenizer.contains(key))
      summary["tokenizer_config"][key] = tokenizer.at(key);
  }
  const json adapter = JsonFileOf(tree_, "adapter_config.json");
  for (const char* key : {"base_model_name_or_path", "peft_type", "task_type"}) {
    if (adapter.is_object() && adapter.contains(key)) summary["peft"][key] = adapter.at(key);
  }
  return summary.empty() ? json(nullptr) : summary;
}

json RepoFields::BaseModelsField() const {
  json models = json::array();
  for (const std::string& id : facts_.base.ids) {
    if (const Repo* base = store_.Find(RepoKind::kModel, id))
      models.push_back({{"_id", base->object_id}, {"id", id}});
  }
  return {{"relation", facts_.base.relation}, {"models", models}};
}

json RepoFields::ChildrenCount() const {
  json counts = {{"adapter", 0}, {"merge", 0}, {"quantized", 0}, {"finetune", 0}};
  store_.ForEach(RepoKind::kModel, [this, &counts](Repo& other) {
    const Commit* head = other.Head("refs/heads/main");
    if (head == nullptr || other.settings.is_private) return;
    const BaseModels base = DeriveFacts(other, *head->tree).base;
    if (std::ranges::find(base.ids, repo_.id) != base.ids.end() && counts.contains(base.relation)) {
      counts[base.relation] = counts[base.relation].get<int>() + 1;
    }
  });
  return counts;
}

std::vector<std::string> RepoFields::SpacesUsingThis() const {
  std::vector<std::string> ids;
  store_.ForEach(RepoKind::kSpace, [this, &ids](Repo& space) {
    const Commit* head = space.Head("refs/heads/main");
    if (head == nullptr || space.settings.is_private || ids.size() >= kMostSpaces) return;
    const std::vector<std::string> models = CardStrings(CardDataOf(*head->tree), "models");
    if (std::ranges::find(models, repo_.id) != models.end()) ids.push_back(space.id);
  });
  return ids;
}

}  // namespace batuta::hubsim
