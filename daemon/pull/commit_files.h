#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/cache/cache.h"
#include "daemon/cache/verified_files.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/pull/planner.h"
#include "daemon/safety/base/snapshot.h"

namespace batuta::pull {

// CommitFiles is a commit as the inspection of files against each other sees it, while the files come in: a
// file has the size that the listing says, whether it is here or not, and can be opened when the repo has its
// blob. Where the listing is not known, a file that is not here may exist, and be as long as it likes.
//
// Not thread-safe; blocks on the disk.
class CommitFiles final : public safety::Snapshot {
 public:
  // The cache outlives it.
  CommitFiles(cache::Cache& cache, RepoId repo, std::shared_ptr<const PullPlan> plan);

  std::optional<uint64_t> SizeBytes(std::string_view path) override;

  //   kNotFound  it is not here.
  absl::StatusOr<std::unique_ptr<safety::ByteSource>> Open(std::string_view path) override;

  // Was one asked for, since the last call, that the plan takes and that is not here?
  bool TakeMissed() { return std::exchange(has_missed_, false); }

 private:
  const PlannedFile* Find(std::string_view path);

  cache::Cache& cache_;
  const RepoId repo_;
  const std::shared_ptr<const PullPlan> plan_;
  std::unordered_map<std::string_view, const PlannedFile*> by_path_;  // empty until somebody asks
  bool has_missed_ = false;
};

// May a file stand in the snapshot? `place` is where the cache has its bytes, if it has them; when it has
// not, nothing is said. What was inspected before is believed of bytes that are known to be right; others are
// looked at each time (all of them when `verified` is null).
absl::Status AdmitCached(cache::Cache& cache, cache::VerifiedFiles* verified, guard::PullGuard& guard,
                         const Entry& entry, const cache::FilePlace& place);

}  // namespace batuta::pull
