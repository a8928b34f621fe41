// RepoFields computes the fields of a repo's info by name, each only when asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/hubsim/store/card.h"
#include "tests/hubsim/store/repo_store.h"

namespace batuta::hubsim {

// Names that `expand` takes for this kind.
const std::vector<std::string>& ExpandNames(RepoKind kind);

class RepoFields {
 public:
  // `commit` may be null: a repo without commits has no content to tell about. All is borrowed.
  RepoFields(RepoStore& store, const Repo& repo, const Commit* commit);

  // The field's value; nothing when this repo has no such field. `_id`, `id` and `modelId` are fields too.
  std::optional<nlohmann::json> Field(std::string_view name) const;

  // The named fields that there are, and always `_id` and `id`.
  nlohmann::json Object(const std::vector<std::string>& names) const;

  // [{"rfilename"}], with size, blobId and lfs where `with_blobs`.
  nlohmann::json Siblings(bool with_blobs) const;

  nlohmann::json SecurityRepoStatus() const;

  const RepoFacts& facts() const { return facts_; }

  std::uint64_t parameter_count() const;

 private:
  std::optional<nlohmann::json> IdentityField(std::string_view name) const;
  std::optional<nlohmann::json> ContentField(std::string_view name) const;
  std::optional<nlohmann::json> GraphField(std::string_view name) const;
  std::uint64_t UsedStorage() const;
  nlohmann::json ConfigSummary() const;
  nlohmann::json ChildrenCount() const;
  nlohmann::json BaseModelsField() const;
  std::vector<std::string> SpacesUsingThis() const;

  RepoStore& store_;
  const Repo& repo_;
  const Commit* commit_;
  Tree empty_tree_;
  const Tree& tree_;
  RepoFacts facts_;
};

}  // namespace batuta::hubsim
