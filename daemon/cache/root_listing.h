#pragma once

#include <string>
#include <vector>

#include "common/types/repo_id.h"

namespace batuta::cache {

// What lies at the root of a cache.
struct RootListing {
  std::vector<RepoId> repos;        // whatever has a repo's name, in the order of the names
  std::vector<std::string> strays;  // names of what is neither a repo nor known to lie there
};

}  // namespace batuta::cache
