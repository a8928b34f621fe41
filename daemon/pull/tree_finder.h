#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/cache/cache.h"
#include "daemon/hub/hub_client.h"

namespace batuta::pull {

// The files of a commit, and who said so.
struct FoundTree {
  Tree tree;
  bool is_new = false;      // came from the hub: the cache should keep it
  bool is_partial = false;  // only what the cache has of it: nobody knows the rest
};

// TreeFinder answers where a revision stands and which files are there, from the cache where it can: the tree
// of a commit that is known here costs no request.
//
// Lives on the core sequence, where every callback comes; disk work runs on the disk pool.
class TreeFinder {
 public:
  // Everything borrowed outlives the finder, and it outlives every callback. `is_offline`: the whole daemon
  // is.
  TreeFinder(bool is_offline, hub::HubClient& hub, cache::Cache& cache, Sequence& core, WorkerPool& disk)
      : is_offline_(is_offline), hub_(hub), cache_(cache), core_(core), disk_(disk) {}

  // Here and below `offline` asks nobody.
  //   kNotFound (OFFLINE_MISS), and those of HubClient and Cache.
  void FindCommit(const RepoId& repo, const Revision& revision, bool offline, const hub::Access& access,
                  hub::Callback<CommitId> done);
  void FindTree(const RepoId& repo, const CommitId& commit, bool offline, const hub::Access& access,
                hub::Callback<FoundTree> done);

  // OFFLINE_MISS: `what` is not in the cache.
  absl::Status Miss(const RepoId& repo, std::string_view what) const;

  bool is_offline() const { return is_offline_; }

 private:
  const bool is_offline_;
  hub::HubClient& hub_;
  cache::Cache& cache_;
  Sequence& core_;
  WorkerPool& disk_;
};

}  // namespace batuta::pull
