#pragma once

#include <optional>
#include <utility>

#include "batuta/v1/cache_service.pb.h"

#include "common/types/repo_id.h"
#include "common/types/revision.h"
#include "daemon/inventory/leases.h"
#include "daemon/service/streams.h"

namespace batuta::service {

// One CacheService.Lease call: it holds the lease for as long as it is open, and tells once what there is.
class LeaseWatch final : public WatchStream<v1::LeaseResponse> {
 public:
  LeaseWatch(const ServiceContext& services, RepoId repo, Revision revision)
      : WatchStream(services), repo_(std::move(repo)), revision_(std::move(revision)) {}

 protected:
  absl::Status Subscribe() override;

  void Unsubscribe() override { lease_ = {}; }

  absl::StatusOr<Read> ReadNext(v1::LeaseResponse* response) override;

 private:
  static absl::StatusOr<v1::LeaseResponse> Look(const ServiceContext& services, const RepoId& repo,
                                                const Revision& revision);

  const RepoId repo_;
  const Revision revision_;
  inventory::Leases::Lease lease_;
  std::optional<absl::StatusOr<v1::LeaseResponse>> found_;
  bool is_told_ = false;
};

}  // namespace batuta::service
