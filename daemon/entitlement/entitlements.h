#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/sync/mutex.h"
#include "common/time/clock.h"
#include "common/types/repo_id.h"
#include "daemon/cache/readers.h"
#include "daemon/entitlement/repo_access.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::entitlement {

// Entitlements keeps in the catalog who has proved to the hub that they may read a repo. A repo of which
// nothing is kept is closed to everybody. Thread-safe.
//
// The methods that change something block for the catalog; what they changed has to reach the disk by
// Cache::ApplyReaders(), after it.   Errors: those of the catalog.
class Entitlements {
 public:
  struct Options {
    Lifetimes lifetimes = {};
    std::set<uint32_t> exempt = {};  // who may read everything: root and the daemon's own user
  };

  // Everything borrowed outlives it.
  Entitlements(metadata::MetadataStore& store, const Clock& clock, Options options)
      : store_(store), clock_(clock), options_(std::move(options)) {}

  // Once, before all else. Records that cannot be read are left out: their repos are closed.
  absl::Status Load();

  // Never blocks for the catalog.
  bool MayRead(const RepoId& repo, uint32_t uid) const;
  cache::Readers ReadersOf(const RepoId& repo) const;
  Step NextStep(const RepoId& repo, uint32_t uid, bool may_ask, std::string_view brings = {}) const;

  bool IsExempt(uint32_t uid) const { return options_.exempt.contains(uid); }

  // The hub has just said so, at `commit` (hex). With kPublic every proof is forgotten: it says nothing of a
  // repo that is closed again later.
  absl::Status Learn(const RepoId& repo, Gate gate, std::string_view commit = {});

  // The hub has just refused somebody what everybody gets of a public repo: if it was one, it is `gate` now.
  absl::Status Close(const RepoId& repo, Gate gate);

  // The hub has just taken the token of that user for the repo, or refused it.
  absl::Status Grant(const RepoId& repo, uint32_t uid);
  absl::Status Revoke(const RepoId& repo, uint32_t uid);

  // Forgets the proofs that do not hold any more; of which repos there were some.
  absl::StatusOr<std::vector<RepoId>> DropExpired();

 private:
  absl::Status Change(const RepoId& repo, metadata::Durability durability,
                      const std::function<void(RepoAccess&)>& change);

  metadata::MetadataStore& store_;
  const Clock& clock_;
  const Options options_;
  Mutex writing_;  // one change at a time, over the catalog
  mutable Mutex mutex_;
  std::map<RepoId, RepoAccess> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::entitlement
