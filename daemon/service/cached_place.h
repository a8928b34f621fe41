#pragma once

#include <filesystem>
#include <optional>

#include "absl/status/statusor.h"

#include "common/io/at_once.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/cache.h"

namespace batuta::service {

// A cached snapshot, or one file of it.
struct CachedPlace {
  std::filesystem::path path;  // absolute
  CommitId commit;
};

// What FindCached() says of a repo of which nothing is cached; also to those who may not know that there is.
absl::Status NotCached(const RepoId& repo, const Revision& revision, const std::optional<RepoPath>& path);

// Disk pool.
//   kNotFound (OFFLINE_MISS)  it is not in the cache; the hint says how to get it.
absl::StatusOr<CachedPlace> FindCached(cache::Cache& cache, const RepoId& repo, const Revision& revision,
                                       const std::optional<RepoPath>& path);

// The same, where `at_once` (of the cache's root) can tell: does not block. Nothing also when it is not in
// the cache: FindCached() knows better.
std::optional<CachedPlace> FindCachedAtOnce(const AtOnce& at_once, const cache::Cache& cache,
                                            const RepoId& repo, const Revision& revision,
                                            const std::optional<RepoPath>& path);

// The commit of a revision that is cached.   Errors: as FindCached().
absl::StatusOr<CommitId> CachedCommit(cache::Cache& cache, const RepoId& repo, const Revision& revision);

}  // namespace batuta::service
