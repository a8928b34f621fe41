#include "daemon/entitlement/admission.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/cache/cache.h"

namespace batuta::entitlement {
namespace {

constexpr std::chrono::seconds kLookEvery{10};

Gate GateOf(const hub::RepoSummary& summary) {
  if (summary.is_private) return Gate::kPrivate;
  return summary.gated.empty() ? Gate::kPublic : Gate::kGated;
}

// Does the hub say that this caller may not, rather than that it cannot say?
bool IsRefusal(const absl::Status& status) {
  constexpr std::array kRefusals = {reason::kRepoNotFound, reason::kRepoGated,    reason::kTokenRejected,
                                    reason::kTokenMissing, reason::kHubForbidden, reason::kRepoDisabled};
  return std::ranges::find(kRefusals, ReasonOf(status)) != kRefusals.end();
}

absl::Status NotThere(const RepoId& repo) {
  return MakeError(absl::StatusCode::kNotFound, reason::kOfflineMiss,
                   fmt::format("{} {} is not in the cache", ToString(repo.type()), repo.id()),
                   "call again with the hub within reach");
}

}  // namespace

struct Admission::Case {
  RepoId repo;
  hub::Access access;
  Done done;

  uint32_t uid() const { return access.principal.uid; }
};

void Admission::Admit(const RepoId& repo, const Revision& revision, const hub::Access& access, Done done) {
  context_.core.AssertCurrent();
  const auto one = std::make_shared<Case>(Case{repo, access, std::move(done)});
  const bool may_ask = !context_.offline && access.memory != hub::Memory::kOnly;
  switch (context_.entitlements.NextStep(repo, one->uid(), may_ask)) {
    case Step::kAdmit:
      return context_.core.Post([one] { one->done(absl::OkStatus()); });
    case Step::kRefuse:
      return context_.core.Post([one] { one->done(NotThere(one->repo)); });
    case Step::kAsk:
      return context_.hub.GetRepo(
          repo, revision, access,
          [this, one](const absl::StatusOr<hub::RepoInfo>& info) { OnInfo(one, info); });
  }
}

void Admission::OnInfo(const std::shared_ptr<Case>& one, const absl::StatusOr<hub::RepoInfo>& info) {
  if (!info.ok()) return OnRefused(one, info.status());
  const Gate gate = GateOf(info->summary);
  const bool is_exempt = context_.entitlements.IsExempt(one->uid());
  // Of a private repo the answer itself is the proof; of a gated one everybody gets it.
  if (gate != Gate::kGated || is_exempt) return OnAccepted(one, gate);
  context_.hub.CheckAccess(one->repo, one->access, [this, one, gate](const absl::StatusOr<bool>& checked) {
    if (!checked.ok()) return OnRefused(one, checked.status());
    OnAccepted(one, gate);
  });
}

void Admission::OnAccepted(const std::shared_ptr<Case>& one, Gate gate) {
  const bool needs_proof = gate != Gate::kPublic && !context_.entitlements.IsExempt(one->uid());
  const bool is_proof = needs_proof && !one->access.token.empty();
  Keep(
      one,
      [repo = one->repo, uid = one->uid(), gate, is_proof](Entitlements& entitlements) -> absl::Status {
        RETURN_IF_ERROR(entitlements.Learn(repo, gate));
        return is_proof ? entitlements.Grant(repo, uid) : absl::OkStatus();
      },
      needs_proof && !is_proof ? NotThere(one->repo) : absl::OkStatus());
}

// A token that is refused ends what an earlier one has proved; no token says nothing.
void Admission::OnRefused(const std::shared_ptr<Case>& one, const absl::Status& refusal) {
  if (!IsRefusal(refusal)) {
    const bool may_read = context_.entitlements.MayRead(one->repo, one->uid());
    return one->done(may_read && IsTransient(refusal) ? absl::OkStatus() : refusal);
  }
  if (one->access.token.empty()) return one->done(refusal);
  Keep(
      one,
      [repo = one->repo, uid = one->uid()](Entitlements& entitlements) {
        return entitlements.Revoke(repo, uid);
      },
      refusal);
}

// What could not be kept is not acted upon: neither is somebody let in whose proof would be forgotten, nor is
// it said that a folder is closed which is not.
void Admission::Keep(const std::shared_ptr<Case>& one, std::function<absl::Status(Entitlements&)> change,
                     absl::Status outcome) {
  context_.disk.Post([this, one, change = std::move(change), outcome = std::move(outcome)] {
    absl::Status kept = change(context_.entitlements);
    if (kept.ok()) kept = context_.cache.ApplyReaders(one->repo);
    if (!kept.ok()) LogError("grant not kept", Field("error", std::string(MessageOf(kept))));
    context_.core.Post([one, outcome = outcome.ok() ? kept : outcome] { one->done(outcome); });
  });
}

void Admission::Start() {
  context_.core.PostAfter(kLookEvery, [this] { DropExpired(); });
}

void Admission::DropExpired() {
  context_.disk.Post([this] {
    const absl::StatusOr<std::vector<RepoId>> dropped = context_.entitlements.DropExpired();
    absl::Status status = dropped.status();
    if (dropped.ok()) {
      for (const RepoId& repo : *dropped) status.Update(context_.cache.ApplyReaders(repo));
    }
    if (!status.ok()) LogError("grant not taken back", Field("error", std::string(MessageOf(status))));
  });
  Start();
}

}  // namespace batuta::entitlement
