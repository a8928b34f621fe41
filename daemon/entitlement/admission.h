#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "common/sync/sequence.h"
#include "common/sync/worker_pool.h"
#include "daemon/cache/cache.h"
#include "daemon/entitlement/entitlements.h"
#include "daemon/hub/hub_client.h"

namespace batuta::entitlement {

// Admission lets callers to what the shared cache has of a repo. Who is not known to be allowed is asked
// about at the hub, with that caller's own token; what the hub says is kept, and the folder of the repo is
// opened or closed accordingly.
//
// Lives on the core sequence; destroy it when no thread runs callbacks of the hub or the pool any more.
class Admission {
 public:
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  // Everything borrowed outlives it.
  struct Context {
    Entitlements& entitlements;
    hub::HubClient& hub;
    cache::Cache& cache;
    Sequence& core;
    WorkerPool& disk;
    bool offline = false;  // the hub is never asked
  };

  explicit Admission(const Context& context) : context_(context) {}

  // `done` is called once, not inside Admit(). OK: the caller may read what there is of the repo, and the
  // folder lets that user in. `brings`: the commit of which something is to be fetched, if so.
  //   kNotFound (OFFLINE_MISS)  the hub may not be asked, and nothing says that the caller may: for this
  //     one it is not there.
  //   those of HubClient::GetRepo() and CheckAccess(); transient ones only where nothing is known either.
  void Admit(const RepoId& repo, const Revision& revision, const hub::Access& access,
             const std::optional<CommitId>& brings, Done done);

  // `why` has ended what the caller wanted of the repo. Where it is the hub's refusal, what the caller has
  // proved is taken back, and what was public is closed. Then `done` is called with `why`, perhaps at once.
  void OnEnded(const RepoId& repo, const hub::Access& access, const absl::Status& why, Done done);

  // What is not public has its bytes to itself: they are neither taken for another repo, which others may
  // read, nor do they come by way of one. Any thread.
  bool Shares(const RepoId& repo) const { return context_.entitlements.ReadersOf(repo).group; }

  // Takes back what does not hold any more, now and then, from Start() on.
  void Start();

 private:
  struct Case;

  void OnInfo(const std::shared_ptr<Case>& one, const absl::StatusOr<hub::RepoInfo>& info);
  void OnAccepted(const std::shared_ptr<Case>& one, Gate gate);
  void OnRefused(const std::shared_ptr<Case>& one, const absl::Status& refusal);
  void Keep(const std::shared_ptr<Case>& one, std::function<absl::Status(Entitlements&)> change,
            absl::Status outcome);
  void DropExpired();

  const Context context_;
};

}  // namespace batuta::entitlement
