#include "daemon/service/lease_watch.h"

#include <algorithm>
#include <memory>

#include "daemon/service/cache_codec.h"
#include "daemon/service/cached_place.h"
#include "daemon/service/codec.h"

namespace batuta::service {

// First the lease, on whatever the repo has: nothing of it goes while it is looked at.
absl::Status LeaseWatch::Subscribe() {
  lease_ = services().inventory.leases().Take(repo_, std::nullopt);
  services().disk.Post([self = std::static_pointer_cast<LeaseWatch>(shared_from_this())] {
    auto found = Look(self->services(), self->repo_, self->revision_);
    self->services().core.Post([self, found = std::move(found)]() mutable {
      self->found_ = std::move(found);
      self->Changed();
    });
  });
  return absl::OkStatus();
}

absl::StatusOr<LeaseWatch::Read> LeaseWatch::ReadNext(v1::LeaseResponse* response) {
  if (!found_ || is_told_) return Read::kNothingNew;
  if (!found_->ok()) return found_->status();
  *response = *std::move(*found_);
  is_told_ = true;
  const absl::StatusOr<CommitId> commit = CommitId::Parse(response->commit());
  if (commit.ok()) lease_ = services().inventory.leases().Take(repo_, *commit);
  return Read::kMessage;
}

// Disk pool.
absl::StatusOr<v1::LeaseResponse> LeaseWatch::Look(const ServiceContext& services, const RepoId& repo,
                                                   const Revision& revision) {
  ASSIGN_OR_RETURN(const CachedPlace place, FindCached(services.cache, repo, revision, std::nullopt));
  ASSIGN_OR_RETURN(const cache::RepoSurvey survey, services.cache.Survey(repo));
  RETURN_IF_ERROR(services.inventory.Touch(repo, place.commit, std::nullopt));
  v1::LeaseResponse response;
  response.set_commit(place.commit.hex());
  for (const cache::SurveyedSnapshot& snapshot : survey.snapshots) {
    if (snapshot.commit == place.commit) Encode(snapshot, &response);
  }
  response.set_snapshot_path(Sendable(place.path.string()));
  response.set_repo_path(Sendable(place.path.parent_path().parent_path().string()));
  return response;
}

}  // namespace batuta::service
