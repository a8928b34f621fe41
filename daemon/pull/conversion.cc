#include "daemon/pull/conversion.h"

#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/guard/consent.h"

namespace batuta::pull {
namespace {

bool MayHelp(const absl::Status& refusal, const PullRequest& request) {
  return guard::IsRefusal(refusal) && guard::IsOfPickles(refusal) &&
         request.repo.type() == RepoType::kModel && !request.offline &&
         request.revision.text() != kConversion;
}

absl::Status WithConversion(const absl::Status& refusal) {
  ErrorDetails details = DetailsOf(refusal);
  const std::string hint = fmt::format(
      "the hub has a conversion to safetensors, made by somebody else than the author: --revision {}; or {}",
      kConversion, details.hint);
  return MakeError(refusal.code(), details.reason, MessageOf(refusal), hint, std::move(details.facts));
}

}  // namespace

void NameConversion(hub::HubClient& hub, const PullRequest& request, const hub::Access& access,
                    absl::Status refusal, absl::AnyInvocable<void(absl::Status)> done) {
  if (!MayHelp(refusal, request)) return done(std::move(refusal));
  hub::Access own = access;
  own.may_wait = false;  // nobody waits for a hint
  own.on_remembered = {};
  own.on_news = {};
  hub.ResolveRevision(
      request.repo, Revision::Parse(kConversion).value(), own,
      [refusal = std::move(refusal), done = std::move(done)](const absl::StatusOr<CommitId>& commit) mutable {
        done(commit.ok() ? WithConversion(refusal) : std::move(refusal));
      });
}

}  // namespace batuta::pull
