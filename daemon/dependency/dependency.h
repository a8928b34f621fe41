#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/types/repo_id.h"
#include "common/types/revision.h"

namespace batuta::dependency {

// How a model came from its base. The first two need the base or stand for it: a cached one protects it. The
// others are whole models that happened to begin as another.
enum class Relation { kAdapter, kQuantized, kMerge, kFinetune };

// "adapter", "quantized", "merge", "finetune": the hub's words.
std::string_view ToString(Relation relation);
std::optional<Relation> ParseRelation(std::string_view text);

inline bool ProtectsBase(Relation relation) {
  return relation == Relation::kAdapter || relation == Relation::kQuantized;
}

// Where a dependency was read.
enum class Source { kAdapterConfig, kCard, kTag, kGguf };

// "adapter_config.json", "README.md", "tag", "GGUF metadata".
std::string_view ToString(Source source);

// A model as others name it.
struct BaseName {
  RepoId repo;
  std::optional<Revision> revision = {};

  friend bool operator==(const BaseName&, const BaseName&) = default;
};

// Reads `[namespace/]name`, a page of the hub (`https://huggingface.co/acme/otter/tree/v1`), or a path into a
// cache (`…/models--acme--otter/snapshots/<commit>`), wherever that cache lies. Nothing for other paths and
// for what is no name.
std::optional<BaseName> ParseBaseName(std::string_view text);

// What a model says of one base.
struct Dependency {
  BaseName base;
  Relation relation = Relation::kAdapter;
  Source source = Source::kAdapterConfig;

  friend bool operator==(const Dependency&, const Dependency&) = default;
};

// One of each base: the strongest relation wins, and of equals the first, which gets the revision when it has
// none. Bases that differ in letter case only are one. Order kept.
std::vector<Dependency> Unite(const std::vector<Dependency>& found);

}  // namespace batuta::dependency
