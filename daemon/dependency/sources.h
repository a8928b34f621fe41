#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/dependency/dependency.h"
#include "daemon/gguf/metadata.h"

// What the files of a model say of its bases. The text comes from strangers: sizes, depth and counts are
// bounded, and what cannot be read says nothing. Pure.
namespace batuta::dependency {

// `adapter_config.json` as PEFT writes it. A `base_model_name_or_path` that is a path outside of any cache
// names no base.
std::vector<Dependency> FromAdapterConfig(std::string_view json);

// What the card of a model says.
struct Card {
  std::vector<BaseName> bases;       // `base_model`
  std::optional<Relation> relation;  // `base_model_relation`
  std::string library;               // `library_name`
  std::vector<std::string> tags;
};

// The front matter of a README.md; an empty card when there is none.
Card ParseCard(std::string_view readme);

// The hub's tags: `base_model:<relation>:<id>`; `base_model:<id>` alone says no relation and is passed over.
std::vector<Dependency> FromTags(const std::vector<std::string>& tags);

// `general.base_model.<n>.…` of a GGUF file. The relation is that of the file: a quantised form of its base,
// or an adapter (`general.type`).
std::vector<Dependency> FromGguf(const gguf::Metadata& metadata);

// Is this a key that FromGguf() reads?
bool IsGgufKey(std::string_view key);

// Everything a snapshot holds that may name a base.
struct Evidence {
  std::vector<std::string> adapter_configs;  // texts
  std::string readme;                        // text; empty = none
  std::vector<gguf::Metadata> ggufs;
  std::vector<std::string> tags;  // of the hub, when they are known
};

// All of it together. A card that does not state the relation is understood as the hub does: adapters by
// their configuration, library or tags, quantised forms by their files or tags, the rest as finetunes (of
// several bases: merges).
std::vector<Dependency> DependenciesOf(const Evidence& evidence);

}  // namespace batuta::dependency
