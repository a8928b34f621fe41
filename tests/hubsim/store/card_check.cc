#include "tests/hubsim/store/card_check.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/hubsim/json_fields.h"
#include "tests/hubsim/store/card.h"
#include "tests/hubsim/store/repo_store.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

// The licences that the hub lists.
const std::set<std::string, std::less<>>& Licenses() {
  static const std::set<std::string, std::less<>> kLicenses = {"apache-2.0",
                                                               "mit",
                                                               "openrail",
                                                               "bigscience-openrail-m",
                                                               "creativeml-openrail-m",
                                                               "bigscience-bloom-rail-1.0",
                                                               "bigcode-openrail-m",
                                                               "afl-3.0",
                                                               "artistic-2.0",
                                                               "bsl-1.0",
                                                               "bsd",
                                                               "bsd-2-clause",
                                                               "bsd-3-clause",
                                                               "bsd-3-clause-clear",
                                                               "c-uda",
                                                               "cc",
                                                               "cc0-1.0",
                                                               "cc-by-2.0",
                                                               "cc-by-2.5",
                                                               "cc-by-3.0",
                                                               "cc-by-4.0",
                                                               "cc-by-sa-3.0",
                                                               "cc-by-sa-4.0",
                                                               "cc-by-nc-2.0",
                                                               "cc-by-nc-3.0",
                                                               "cc-by-nc-4.0",
                                                               "cc-by-nd-4.0",
                                                               "cc-by-nc-nd-3.0",
                                                               "cc-by-nc-nd-4.0",
                                                               "cc-by-nc-sa-2.0",
                                                               "cc-by-nc-sa-3.0",
                                                               "cc-by-nc-sa-4.0",
                                                               "cdla-sharing-1.0",
                                                               "cdla-permissive-1.0",
                                                               "cdla-permissive-2.0",
                                                               "wtfpl",
                                                               "ecl-2.0",
                                                               "epl-1.0",
                                                               "epl-2.0",
                                                               "etalab-2.0",
                                                               "eupl-1.1",
                                                               "eupl-1.2",
                                                               "agpl-3.0",
                                                               "gfdl",
                                                               "gpl",
                                                               "gpl-2.0",
                                                               "gpl-3.0",
                                                               "lgpl",
                                                               "lgpl-2.1",
                                                               "lgpl-3.0",
                                                               "isc",
                                                               "h-research",
                                                               "intel-research",
                                                               "lppl-1.3c",
                                                               "ms-pl",
                                                               "apple-ascl",
                                                               "apple-amlr",
                                                               "mpl-2.0",
                                                               "odc-by",
                                                               "odbl",
                                                               "openmdw-1.0",
                                                               "openrail++",
                                                               "osl-3.0",
                                                               "postgresql",
                                                               "ofl-1.1",
                                                               "ncsa",
                                                               "unlicense",
                                                               "zlib",
                                                               "pddl",
                                                               "lgpl-lr",
                                                               "deepfloyd-if-license",
                                                               "fair-noncommercial-research-license",
                                                               "llama2",
                                                               "llama3",
                                                               "llama3.1",
                                                               "llama3.2",
                                                               "llama3.3",
                                                               "llama4",
                                                               "gemma",
                                                               "unknown",
                                                               "other"};
  return kLicenses;
}

// A value that may stand alone or in a list.
std::vector<json> ValuesOf(const json& card, std::string_view key) {
  if (!card.contains(key) || card.at(std::string(key)).is_null()) return {};
  const json& value = card.at(std::string(key));
  if (value.is_array()) return {value.begin(), value.end()};
  return {value};
}

bool IsLanguage(const json& value) {
  if (!value.is_string()) return false;
  const std::string text = value.get<std::string>();
  return text.size() >= 2 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '_'; });
}

class CardChecker {
 public:
  CardChecker(const json& card, CardRemarks& remarks) : card_(card), remarks_(remarks) {}

  void Check() {
    for (const json& license : ValuesOf(card_, "license")) CheckLicense(license);
    for (const json& language : ValuesOf(card_, "language")) {
      if (!IsLanguage(language)) Fail("\"language\" must only contain lowercase characters");
    }
    for (const std::string_view key : {"base_model", "datasets"}) {
      for (const json& id : ValuesOf(card_, key)) CheckId(key, id);
    }
    for (const std::string_view key : {"tags", "metrics"}) CheckTexts(key);
    for (const std::string_view key : {"library_name", "pipeline_tag", "thumbnail", "license_name"}) {
      if (card_.contains(key) && !card_.at(std::string(key)).is_string()) {
        Fail(fmt::format("\"{}\" must be a string", key));
      }
    }
    for (const json& model : ValuesOf(card_, "model-index")) CheckModel(model);
  }

 private:
  void Fail(std::string why) { remarks_.errors.push_back(std::move(why)); }

  void CheckLicense(const json& license) {
    if (!license.is_string() || !Licenses().contains(license.get<std::string>())) {
      Fail("\"license\" must be one of the listed licenses, not " + license.dump());
      return;
    }
    if (license == "other" && JsonString(card_, "license_name").empty()) {
      remarks_.warnings.emplace_back("\"license_name\" and \"license_link\" are expected with \"other\"");
    }
  }

  void CheckId(std::string_view key, const json& id) {
    if (id.is_string() && IsValidRepoId(id.get<std::string>())) return;
    Fail(fmt::format("\"{}\" with value {} is not valid. Use an id of a repo", key, id.dump()));
  }

  void CheckTexts(std::string_view key) {
    const auto texts = ValuesOf(card_, key);
    if (std::ranges::all_of(texts, [](const json& text) { return text.is_string(); })) return;
    Fail(fmt::format("\"{}\" must be strings", key));
  }

  void Require(const json& object, std::string_view where, std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) {
      if (!object.is_object() || !object.contains(key) || object.at(std::string(key)).is_null()) {
        Fail(fmt::format("\"model-index\": {} requires \"{}\"", where, key));
      }
    }
  }

  void CheckModel(const json& model) {
    Require(model, "a model", {"name", "results"});
    for (const json& result : ValuesOf(model, "results")) {
      Require(result, "a result", {"task", "metrics"});
      if (!result.is_object()) continue;
      for (const json& task : ValuesOf(result, "task")) Require(task, "a task", {"type"});
      for (const json& dataset : ValuesOf(result, "dataset")) Require(dataset, "a dataset", {"type", "name"});
      for (const json& metric : ValuesOf(result, "metrics")) Require(metric, "a metric", {"type", "value"});
      for (const json& source : ValuesOf(result, "source")) Require(source, "a source", {"url"});
    }
  }

  const json& card_;
  CardRemarks& remarks_;
};

}  // namespace

CardRemarks CheckCard(std::string_view readme) {
  CardRemarks remarks;
  const auto matter = FrontMatter(readme);
  if (!matter) {
    remarks.warnings.emplace_back("empty or missing yaml metadata in repo card");
    return remarks;
  }
  const absl::StatusOr<json> card = YamlToJson(*matter);
  if (!card.ok()) {
    remarks.errors.push_back("Invalid metadata: " + std::string(card.status().message()));
  } else if (card->is_object()) {
    CardChecker(*card, remarks).Check();
  } else if (!card->is_null()) {
    remarks.errors.emplace_back("Invalid metadata: it must be a map");
  }
  return remarks;
}

}  // namespace batuta::hubsim
