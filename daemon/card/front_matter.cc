#include "daemon/card/front_matter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "daemon/card/known_ids.h"
#include "daemon/card/yaml_text.h"

namespace batuta::card {
namespace {

class Writer {
 public:
  void Text(std::string_view key, std::string_view text) {
    if (text.empty()) return;
    fields_.push_back({std::string(key), {fmt::format("{}: {}", key, YamlText(text))}});
  }

  void List(std::string_view key, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    Field field{std::string(key), {fmt::format("{}:", key)}};
    for (const std::string& text : texts) field.lines.push_back(fmt::format("- {}", YamlText(text)));
    fields_.push_back(std::move(field));
  }

  void Lines(std::string_view key, std::vector<std::string> lines) {
    if (!lines.empty()) fields_.push_back({std::string(key), std::move(lines)});
  }

  std::vector<Field> Take() { return std::move(fields_); }

 private:
  std::vector<Field> fields_;
};

void WriteLicense(const Facts& facts, Writer* writer) {
  if (facts.license.empty()) return;
  if (const std::string id = LicenseId(facts.license); !id.empty()) {
    writer->Text("license", id);
    return;
  }
  // `other` needs a name and a link.
  if (facts.license_file.empty()) return;
  writer->Text("license", "other");
  writer->Text("license_name", facts.license);
  writer->Text("license_link", facts.license_file);
}

bool IsInModelIndex(const Result& result) {
  return !result.task.empty() && !result.dataset.type.empty() && !result.dataset.name.empty() &&
         result.metric != "loss";
}

bool SameBlock(const Result& a, const Result& b) {
  return a.task == b.task && a.dataset.type == b.dataset.type && a.dataset.config == b.dataset.config &&
         a.dataset.split == b.dataset.split && a.dataset.revision == b.dataset.revision &&
         a.reported_at == b.reported_at;
}

void AddOptional(std::string_view key, std::string_view text, std::string_view indent,
                 std::vector<std::string>* lines) {
  if (!text.empty()) lines->push_back(fmt::format("{}{}: {}", indent, key, YamlText(text)));
}

void AddBlock(const std::vector<const Result*>& results, std::vector<std::string>* lines) {
  const Result& first = *results.front();
  lines->emplace_back("  - task:");
  AddOptional("type", first.task, "      ", lines);
  AddOptional("name", first.task_name, "      ", lines);
  lines->emplace_back("    dataset:");
  AddOptional("type", first.dataset.type, "      ", lines);
  AddOptional("name", first.dataset.name, "      ", lines);
  AddOptional("config", first.dataset.config, "      ", lines);
  AddOptional("split", first.dataset.split, "      ", lines);
  AddOptional("revision", first.dataset.revision, "      ", lines);
  lines->emplace_back("    metrics:");
  for (const Result* result : results) {
    lines->push_back(fmt::format("    - type: {}", YamlText(result->metric)));
    lines->push_back(fmt::format("      value: {}", YamlNumber(result->value)));
    AddOptional("name", result->metric_name, "      ", lines);
  }
  if (first.reported_at.empty()) return;
  lines->emplace_back("    source:");
  AddOptional("name", first.reported_by, "      ", lines);
  AddOptional("url", first.reported_at, "      ", lines);
}

void WriteModelIndex(const Facts& facts, std::string_view model_name, Writer* writer) {
  std::vector<std::vector<const Result*>> blocks;
  for (const Result& result : facts.results) {
    if (!IsInModelIndex(result)) continue;
    auto block =
        std::find_if(blocks.begin(), blocks.end(), [&result](const std::vector<const Result*>& candidate) {
          return SameBlock(*candidate.front(), result);
        });
    if (block == blocks.end()) block = blocks.insert(blocks.end(), std::vector<const Result*>());
    block->push_back(&result);
  }
  if (blocks.empty()) return;
  std::vector<std::string> lines = {"model-index:", fmt::format("- name: {}", YamlText(model_name)),
                                    "  results:"};
  for (const std::vector<const Result*>& block : blocks) AddBlock(block, &lines);
  writer->Lines("model-index", std::move(lines));
}

std::vector<std::string> MetricIds(const Facts& facts) {
  std::vector<std::string> ids;
  for (const Result& result : facts.results) {
    const bool is_there = std::find(ids.begin(), ids.end(), result.metric) != ids.end();
    if (result.metric != "loss" && !is_there) ids.push_back(result.metric);
  }
  return ids;
}

}  // namespace

std::vector<Field> FrontMatterFields(const Facts& facts, std::string_view model_name) {
  Writer writer;
  WriteLicense(facts, &writer);
  writer.List("language", facts.languages);
  writer.Text("library_name", facts.library);
  writer.Text("pipeline_tag", facts.pipeline_tag);
  if (facts.base_models.size() == 1) {
    writer.Text("base_model", facts.base_models.front());
  } else {
    writer.List("base_model", facts.base_models);
  }
  if (!facts.base_models.empty()) writer.Text("base_model_relation", facts.base_model_relation);
  writer.List("datasets", facts.training_datasets);
  writer.List("metrics", MetricIds(facts));
  writer.List("tags", facts.tags);
  WriteModelIndex(facts, model_name, &writer);
  return writer.Take();
}

}  // namespace batuta::card
