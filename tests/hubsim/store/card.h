// The README's front matter, and what the hub derives from it and from the files: tags, library, relation to
// a base. Pure functions of a commit's tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include <nlohmann/json.hpp>

#include "tests/hubsim/store/repo.h"

namespace batuta::hubsim {

// The text between the leading "---" lines; nothing when the README has none.
std::optional<std::string> FrontMatter(std::string_view readme);

// YAML as JSON: plain scalars become null, booleans and numbers, quoted ones stay strings.
//   kInvalidArgument  it is no YAML; the message says where.
absl::StatusOr<nlohmann::json> YamlToJson(const std::string& text);

// The front matter of the README in `tree` as JSON; null when there is none or it cannot be read.
nlohmann::json CardDataOf(const Tree& tree);

// A JSON file of the tree, at most 1 MiB; null when absent or no JSON.
nlohmann::json JsonFileOf(const Tree& tree, std::string_view path);

struct BaseModels {
  std::string relation;  // adapter, finetune, quantized or merge
  std::vector<std::string> ids;
};

// What a commit tells about its repo, beyond its bytes.
struct RepoFacts {
  nlohmann::json card;    // null without one
  nlohmann::json config;  // config.json; null without one
  std::string library_name;
  std::string pipeline_tag;
  BaseModels base;
  std::vector<std::string> tags;
};

RepoFacts DeriveFacts(const Repo& repo, const Tree& tree);

}  // namespace batuta::hubsim
