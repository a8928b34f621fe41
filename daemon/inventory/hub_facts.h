#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "common/sync/mutex.h"
#include "common/types/repo_id.h"
#include "daemon/dependency/base_finder.h"
#include "daemon/dependency/dependency.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::inventory {

// HubFacts keeps what the hub has said of models by the way, since no file in the cache may say it: the id
// under which it has them now, and the bases that its tags name. Thread-safe.
class HubFacts {
 public:
  // `store` outlives it.
  explicit HubFacts(metadata::MetadataStore& store) : store_(store) {}

  // Blocks.   Errors: of the catalog.
  absl::Status Load();

  // The hub was asked for `asked` and answered with what it has as `now`. Blocks when that is new. Of a
  // thousand models at most: beyond that nothing more is kept.
  absl::Status Learn(const RepoId& asked, const RepoId& now, const std::vector<std::string>& tags);

  dependency::BaseFinder::Renames Renames() const;

  // Only those that protect their base.
  std::vector<dependency::Dependency> NeedsOf(const RepoId& repo) const;

 private:
  struct Fact {
    std::string id;                 // now; the same one when nothing was renamed
    std::vector<std::string> tags;  // `base_model:adapter:…` and its like

    friend bool operator==(const Fact&, const Fact&) = default;
  };

  absl::Status Keep(const RepoId& repo, const Fact& fact);

  metadata::MetadataStore& store_;
  mutable Mutex mutex_;
  std::map<RepoId, Fact> facts_ ABSL_GUARDED_BY(mutex_);  // that say anything
};

}  // namespace batuta::inventory
