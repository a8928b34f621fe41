#pragma once

#include <string>
#include <vector>

#include "common/time/clock.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/survey.h"
#include "daemon/dependency/dependency.h"
#include "daemon/inventory/selections.h"

namespace batuta::inventory {

struct Snapshot {
  CommitId commit;
  std::vector<std::string> refs;
  WallTime modified;       // of its folder
  WallTime last_modified;  // of its files
  std::vector<dependency::Dependency> needs;
  std::vector<Selection> selections;  // none: the folder holds no file

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

// One repo as it was last surveyed. Immutable.
struct Repo {
  RepoId repo;
  std::vector<cache::Stamp> stamps;  // none: taken too soon after a change to tell the next one by them
  std::vector<Snapshot> snapshots;
  std::vector<cache::LooseFile> loose;
  std::vector<std::string> warnings;  // what looks wrong in it
  WallTime written = {};              // see cache::LastWrite()

  friend bool operator==(const Repo&, const Repo&) = default;
};

}  // namespace batuta::inventory
