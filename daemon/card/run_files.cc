#include <algorithm>
#include <array>
#include <initializer_list>

#include <fmt/format.h>

#include "daemon/card/carried_text.h"
#include "daemon/card/known_ids.h"
#include "daemon/card/losses.h"
#include "daemon/card/readers.h"
#include "daemon/card/result_reader.h"

namespace batuta::card {
namespace {

constexpr size_t kMostRunFiles = 32;
constexpr size_t kMostDescriptionBytes = 2'000;
constexpr size_t kMostListItems = 100;
constexpr int kMostSettingDepth = 3;

// `aprender.toml`, `certeza-results.json`, `aprender/run.yaml`.
bool IsRunFile(std::string_view path) {
  constexpr std::array<std::string_view, 5> kEndings = {".json", ".jsonl", ".yaml", ".yml", ".toml"};
  if (std::none_of(kEndings.begin(), kEndings.end(),
                   [path](std::string_view ending) { return path.ends_with(ending); })) {
    return false;
  }
  if (std::count(path.begin(), path.end(), '/') > 1) return false;
  for (const std::string_view tool : {"aprender", "certeza"}) {
    std::string_view rest = path;
    if (rest.starts_with('.')) rest.remove_prefix(1);
    if (!rest.starts_with(tool)) continue;
    rest.remove_prefix(tool.size());
    if (rest.starts_with('/')) return true;
    const bool ends_word = rest.starts_with('.') || rest.starts_with('_') || rest.starts_with('-');
    if (ends_word && rest.find('/') == std::string_view::npos) return true;
  }
  return false;
}

// The texts of a scalar or of a list of them.
std::vector<std::string> TextsOf(const Value* value) {
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (value->is_scalar()) texts.push_back(CarriedText(value->text));
  for (const Value& item : value->items) {
    if (value->kind == Value::Kind::kList && item.is_scalar() && texts.size() < kMostListItems) {
      texts.push_back(CarriedText(item.text));
    }
  }
  std::erase(texts, "");
  return texts;
}

std::vector<std::string> IdsOf(RepoType type, const Value* value) {
  std::vector<std::string> ids = TextsOf(value);
  std::erase_if(ids, [type](const std::string& id) { return !RepoId::Parse(type, id).ok(); });
  return ids;
}

// `optimizer.name`, `optimizer.lr`, …
void ReadSettings(const Value& value, const std::string& prefix, int depth, std::string_view path,
                  Facts* facts) {
  if (value.kind != Value::Kind::kMap) return;
  for (size_t i = 0; i < value.items.size(); ++i) {
    const Value& item = value.items[i];
    const std::string name = CarriedText(value.names[i], 80);
    if (name.empty()) continue;
    const std::string full = prefix.empty() ? name : fmt::format("{}.{}", prefix, name);
    if (item.kind == Value::Kind::kMap) {
      if (depth < kMostSettingDepth) ReadSettings(item, full, depth + 1, path, facts);
      continue;
    }
    const bool is_number = item.kind == Value::Kind::kNumber || item.kind == Value::Kind::kBool;
    if (!is_number && !IsCarriedName(name)) continue;
    facts->Add(&facts->hyperparameters, full, CarriedValue(item), path, "hyperparameters");
  }
}

void ReadHyperparameters(const Value& root, std::string_view path, Facts* facts) {
  for (const std::string_view name : {"hyperparameters", "hyper_parameters", "hparams", "params"}) {
    if (const Value* found = root.Find(name); found != nullptr) ReadSettings(*found, "", 1, path, facts);
  }
  for (const std::string_view name : {"optimizer", "scheduler", "training", "lora", "quantize"}) {
    if (const Value* found = root.Find(name); found != nullptr) {
      ReadSettings(*found, std::string(name), 1, path, facts);
    }
  }
}

// The text of the first of these fields, fit to be told; that it is not is warned about.
std::string Told(const Value& root, std::initializer_list<std::string_view> fields, size_t limit_bytes,
                 std::string_view path, Facts* facts) {
  const std::string text = root.TextOfAny(fields);
  std::string told = CarriedText(text, limit_bytes);
  if (told.empty() && !text.empty()) {
    facts->Warn(
        path, fmt::format("`{}` is not told: it is too long or odd, names a place on this machine, or looks "
                          "like a secret",
                          *fields.begin()));
  }
  return told;
}

void ReadDescription(const Value& root, std::string_view path, Facts* facts) {
  facts->Say(&facts->name, Told(root, {"name", "model_name"}, 100, path, facts), path, "name");
  facts->Say(&facts->description, Told(root, {"description"}, kMostDescriptionBytes, path, facts), path,
             "description");
  for (const std::string& developer :
       TextsOf(root.FindAny({"developed_by", "developers", "author", "authors"}))) {
    // What tools put there by themselves is `user@machine`.
    if (developer.find('@') != std::string::npos) continue;
    facts->Say(&facts->developers, developer, path, "developers");
  }
  facts->Say(&facts->license, Told(root, {"license"}, 80, path, facts), path, "license");
  facts->Say(&facts->model_kind, CarriedText(root.TextOfAny({"model_type", "architecture"}), 100), path,
             "model type");
  const Value* parameters = root.FindAny({"param_count", "parameters", "parameter_count"});
  if (parameters != nullptr && parameters->kind == Value::Kind::kNumber) {
    facts->Add(&facts->architecture, "Parameters", parameters->text, path, "architecture");
  }
  const std::vector<std::string> hardware = TextsOf(root.FindAny({"hardware", "target_hardware"}));
  if (!hardware.empty()) {
    facts->Say(&facts->hardware, fmt::format("{}", fmt::join(hardware, ", ")), path, "hardware");
  }
}

void ReadMetadata(const Value& root, std::string_view path, Facts* facts) {
  std::vector<std::string> languages = TextsOf(root.FindAny({"language", "languages"}));
  std::erase_if(languages, [](const std::string& code) { return !IsLanguageCode(code); });
  facts->Say(&facts->languages, languages, path, "language");
  facts->Say(&facts->library, CarriedText(root.TextOfAny({"library_name", "library"}), 60), path, "library");
  const std::string task = root.TextOfAny({"pipeline_tag", "task"});
  if (IsPipelineTag(task)) facts->Say(&facts->pipeline_tag, task, path, "task");
  facts->Say(&facts->tags, TextsOf(root.Find("tags")), path, "tags");
  if (facts->base_models.empty()) {
    facts->Say(&facts->base_models, IdsOf(RepoType::kModel, root.FindAny({"base_model", "base_models"})),
               path, "base model");
    const std::string relation = root.Text("base_model_relation");
    if (!facts->base_models.empty() && IsBaseRelation(relation)) facts->base_model_relation = relation;
  }
}

void ReadTrainingData(const Value& root, std::string_view path, Facts* facts) {
  const Value* data = root.FindAny({"training_data", "datasets", "training_dataset", "train_dataset"});
  if (data == nullptr) return;
  std::string said = CarriedValue(*data, 500);
  const Value* ids = data;
  if (data->kind == Value::Kind::kMap) {
    ids = data->FindAny({"id", "name", "dataset"});
    said = CarriedText(data->TextOfAny({"name", "id", "dataset"}), 300);
    const std::string samples = data->TextOfAny({"samples", "num_samples", "examples"});
    if (!said.empty() && IsNumber(samples)) said += fmt::format(", {} samples", samples);
    const std::string hash = CarriedText(data->TextOfAny({"hash", "sha256"}), 80);
    if (!said.empty() && !hash.empty()) said += fmt::format(", hash {}", hash);
  }
  std::vector<std::string> datasets = IdsOf(RepoType::kDataset, ids);
  // Of a name without namespace nobody knows whether it is the hub's or a local file's.
  std::erase_if(datasets, [](const std::string& id) { return id.find('/') == std::string::npos; });
  facts->Say(&facts->training_datasets, datasets, path, "datasets");
  facts->Say(&facts->training_data, said, path, "training data");
}

void ReadVersions(const Value& root, std::string_view path, Facts* facts) {
  for (const std::string_view name : {"versions", "stack", "software"}) {
    const Value* versions = root.Find(name);
    if (versions == nullptr || versions->kind != Value::Kind::kMap) continue;
    for (size_t i = 0; i < versions->items.size(); ++i) {
      if (!versions->items[i].is_scalar()) continue;
      facts->Add(&facts->versions, CarriedText(versions->names[i], 60),
                 CarriedText(versions->items[i].text, 60), path, "versions");
    }
  }
  const std::string framework = CarriedText(root.Text("framework_version"), 60);
  const size_t blank = framework.find(' ');
  if (blank != std::string::npos) {
    facts->Add(&facts->versions, framework.substr(0, blank), framework.substr(blank + 1), path, "versions");
    if (framework.starts_with("aprender ")) facts->Say(&facts->library, "aprender", path, "library");
  }
  for (const auto& [shown, key] :
       {std::pair{"aprender", "aprender_version"}, std::pair{"certeza", "certeza_version"},
        std::pair{"rust", "rust_version"}}) {
    facts->Add(&facts->versions, shown, CarriedText(root.Text(key), 60), path, "versions");
  }
  facts->Say(&facts->commit, CommitOf(root.TextOfAny({"git_commit", "commit", "git_sha"})), path, "commit");
}

void ReadLossLogs(const Value& root, std::string_view path, Facts* facts) {
  if (root.kind == Value::Kind::kList) {
    ReadLosses(root, path, facts);
    return;
  }
  const Value* training = root.Find("training");
  for (const Value* holder : {&root, training}) {
    if (holder == nullptr) continue;
    for (const std::string_view name :
         {"history", "log", "log_history", "training_log", "losses", "epochs", "steps"}) {
      const Value* log = holder->Find(name);
      if (log != nullptr && ReadLosses(*log, path, facts)) return;
    }
  }
}

void ReadRunFile(FolderView& folder, const std::string& path, Facts* facts) {
  const Value root = ReadDocument(folder, path, facts);
  if (root.kind == Value::Kind::kNull) return;
  const size_t warnings = facts->warnings.size();
  const size_t sources = facts->sources.size();
  ReadDescription(root, path, facts);
  ReadMetadata(root, path, facts);
  ReadTrainingData(root, path, facts);
  ReadHyperparameters(root, path, facts);
  ReadResults(root, path, facts);
  ReadLossLogs(root, path, facts);
  ReadVersions(root, path, facts);
  if (facts->sources.size() == sources && facts->warnings.size() == warnings) {
    facts->Warn(path, "says nothing that is understood, or that others have not said before");
  }
}

}  // namespace

void ReadRunFiles(FolderView& folder, Facts* facts) {
  std::vector<std::string> paths = PathsOf(folder, IsRunFile);
  if (paths.size() > kMostRunFiles) {
    facts->Warn(paths[kMostRunFiles], "and later ones: more run files than are read");
    paths.resize(kMostRunFiles);
  }
  for (const std::string& path : paths) ReadRunFile(folder, path, facts);
  if (!facts->hyperparameters.empty()) facts->was_trained = true;
}

}  // namespace batuta::card
