#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/types/repo_id.h"
#include "daemon/inventory/repo.h"

// Surveys as the catalog keeps them, so that a start need not go through the tree. Binary, since there may be
// a million files: about ten bytes each. Pure.
namespace batuta::inventory {

std::string EncodeRepo(const Repo& repo);

// Nothing when this version cannot read it: then the repo is surveyed again.
std::optional<Repo> DecodeRepo(const RepoId& repo, std::string_view record);

}  // namespace batuta::inventory
