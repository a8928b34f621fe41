#include "daemon/entitlement/entitlements.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::entitlement {

using metadata::Durability;
using metadata::Table;

absl::Status Entitlements::Load() {
  std::map<RepoId, RepoAccess> found;
  size_t unreadable = 0;
  RETURN_IF_ERROR(store_.Scan(Table::kGrants, {}, [&](std::string_view key, std::string_view value) {
    absl::StatusOr<RepoId> repo = RepoId::FromFolder(key);
    std::optional<RepoAccess> access = Decode(value);
    if (repo.ok() && access) {
      found.emplace(*std::move(repo), *std::move(access));
    } else {
      ++unreadable;
    }
    return true;
  }));
  if (unreadable > 0) LogWarn("grants not readable: their repos are closed", Field("count", unreadable));
  MutexLock lock(mutex_);
  known_ = std::move(found);
  return absl::OkStatus();
}

bool Entitlements::MayRead(const RepoId& repo, uint32_t uid) const {
  if (IsExempt(uid)) return true;
  MutexLock lock(mutex_);
  const auto found = known_.find(repo);
  return found != known_.end() && entitlement::MayRead(found->second, uid, clock_.wall(), options_.lifetimes);
}

cache::Readers Entitlements::ReadersOf(const RepoId& repo) const {
  MutexLock lock(mutex_);
  const auto found = known_.find(repo);
  if (found == known_.end()) return {};
  return entitlement::ReadersOf(found->second, clock_.wall(), options_.lifetimes);
}

Step Entitlements::NextStep(const RepoId& repo, uint32_t uid, bool may_ask, std::string_view brings) const {
  MutexLock lock(mutex_);
  const auto found = known_.find(repo);
  const RepoAccess* const access = found == known_.end() ? nullptr : &found->second;
  const Step step = entitlement::NextStep(access, uid, clock_.wall(), options_.lifetimes, may_ask, brings);
  return step == Step::kRefuse && IsExempt(uid) ? Step::kAdmit : step;
}

absl::Status Entitlements::Learn(const RepoId& repo, Gate gate, std::string_view commit) {
  const Durability durability = gate == Gate::kPublic ? Durability::kProcess : Durability::kPower;
  return Change(repo, durability, [&](RepoAccess& access) {
    access.gate = gate;
    access.told_at = clock_.wall();
    access.commit = commit;
    if (gate == Gate::kPublic) access.proofs.clear();
  });
}

absl::Status Entitlements::Close(const RepoId& repo, Gate gate) {
  return Change(repo, Durability::kPower, [&](RepoAccess& access) {
    if (access.gate != Gate::kPublic) return;
    access.gate = gate;
    access.told_at = clock_.wall();
  });
}

absl::Status Entitlements::Grant(const RepoId& repo, uint32_t uid) {
  return Change(repo, Durability::kProcess, [&](RepoAccess& access) { access.proofs[uid] = clock_.wall(); });
}

absl::Status Entitlements::Revoke(const RepoId& repo, uint32_t uid) {
  return Change(repo, Durability::kPower, [&](RepoAccess& access) { access.proofs.erase(uid); });
}

absl::StatusOr<std::vector<RepoId>> Entitlements::DropExpired() {
  // Of each change its own time: a proof that is made meanwhile must not seem to come from the future.
  const auto is_over = [&](const auto& proof) {
    return !Holds(proof.second, clock_.wall(), options_.lifetimes.grant);
  };
  std::vector<RepoId> changed;
  {
    MutexLock lock(mutex_);
    for (const auto& [repo, access] : known_) {
      if (std::any_of(access.proofs.begin(), access.proofs.end(), is_over)) changed.push_back(repo);
    }
  }
  for (const RepoId& repo : changed) {
    RETURN_IF_ERROR(
        Change(repo, Durability::kPower, [&](RepoAccess& access) { std::erase_if(access.proofs, is_over); }));
  }
  return changed;
}

absl::Status Entitlements::Change(const RepoId& repo, Durability durability,
                                  const std::function<void(RepoAccess&)>& change) {
  MutexLock writing(writing_);
  RepoAccess access;
  {
    MutexLock lock(mutex_);
    if (const auto found = known_.find(repo); found != known_.end()) access = found->second;
  }
  const RepoAccess before = access;
  change(access);
  // Of names that somebody only tries nothing is kept.
  if (access == before) return absl::OkStatus();
  RETURN_IF_ERROR(metadata::Put(store_, Table::kGrants, repo.folder(), Encode(access), durability));
  MutexLock lock(mutex_);
  known_.insert_or_assign(repo, std::move(access));
  return absl::OkStatus();
}

}  // namespace batuta::entitlement
