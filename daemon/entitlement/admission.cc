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

// What a refusal says of the repo. A token that is refused may be bad for all of them.
std::optional<Gate> GateBehind(const absl::Status& refusal) {
  const auto why = ReasonOf(refusal);
  if (why == reason::kRepoGated) return Gate::kGated;
  if (why == reason::kRepoNotFound || why == reason::kRepoDisabled) return Gate::kPrivate;
  return std::nullopt;
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
  std::string brings;  // hex
  Done done;

  uint32_t uid() const { return access.principal.uid; }
};

void Admission::Admit(const RepoId& repo, const Revision& revision, const hub::Access& access,
                      const std::optional<CommitId>& brings, Done done) {
  context_.core.AssertCurrent();
  const auto one =
      std::make_shared<Case>(Case{repo, access, brings ? brings->hex() : std::string(), std::move(done)});
  const bool may_ask = !context_.offline && access.memory != hub::Memory::kOnly;
  // What is remembered of a commit is remembered for ever: a proof is what the hub says now.
  hub::Access anew = access;
  anew.memory = hub::Memory::kRenew;
  switch (context_.entitlements.NextStep(repo, one->uid(), may_ask, one->brings)) {
    case Step::kAdmit:
      return context_.core.Post([one] { one->done(absl::OkStatus()); });
    case Step::kRefuse:
      return context_.core.Post([one] { one->done(NotThere(one->repo)); });
    case Step::kAsk:
      return context_.hub.GetRepo(
          repo, revision, anew,
          [this, one](const absl::StatusOr<hub::RepoInfo>& info) { OnInfo(one, info); });
  }
}

// A file server that refuses a link says nothing of what the hub would say.
void Admission::OnEnded(const RepoId& repo, const hub::Access& access, const absl::Status& why, Done done) {
  context_.core.AssertCurrent();
  if (!IsRefusal(why) || ReasonOf(why) == reason::kHubForbidden) return done(why);
  OnRefused(std::make_shared<Case>(Case{repo, access, {}, std::move(done)}), why);
}

void Admission::OnInfo(const std::shared_ptr<Case>& one, const absl::StatusOr<hub::RepoInfo>& info) {
  if (!info.ok()) return OnRefused(one, info.status());
  const Gate gate = GateOf(info->summary);
  const bool is_exempt = context_.entitlements.IsExempt(one->uid());
  if (one->brings.empty()) one->brings = info->commit.hex();
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
      [repo = one->repo, uid = one->uid(), commit = one->brings, gate,
       is_proof](Entitlements& entitlements) -> absl::Status {
        RETURN_IF_ERROR(entitlements.Learn(repo, gate, commit));
        return is_proof ? entitlements.Grant(repo, uid) : absl::OkStatus();
      },
      needs_proof && !is_proof ? NotThere(one->repo) : absl::OkStatus());
}

// A token that is refused ends what an earlier one has proved; no token says nothing. What the hub refuses to
// anybody is not public.
void Admission::OnRefused(const std::shared_ptr<Case>& one, const absl::Status& refusal) {
  if (!IsRefusal(refusal)) {
    const bool may_read = context_.entitlements.MayRead(one->repo, one->uid());
    return one->done(may_read && IsTransient(refusal) ? absl::OkStatus() : refusal);
  }
  const bool is_proof = !one->access.token.empty();
  const std::optional<Gate> gate = GateBehind(refusal);
  if (!is_proof && !gate) return one->done(refusal);
  Keep(
      one,
      [repo = one->repo, uid = one->uid(), is_proof, gate](Entitlements& entitlements) -> absl::Status {
        if (gate) RETURN_IF_ERROR(entitlements.Close(repo, *gate));
        return is_proof ? entitlements.Revoke(repo, uid) : absl::OkStatus();
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
