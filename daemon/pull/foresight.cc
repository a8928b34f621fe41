#include "daemon/pull/foresight.h"

#include "common/status/status.h"
#include "daemon/guard/consent.h"

namespace batuta::pull {

absl::Status WarnOfCached(const guard::GuardContext& context, const PullRequest& request,
                          const Principal& who, PullPlan& plan) {
  ASSIGN_OR_RETURN(const guard::Consent consent,
                   guard::MakeConsent(request.repo.type(), request.selection.allow_unsafe,
                                      request.selection.allow_malicious));
  guard::PullGuard guard(context, request.repo, plan.commit, consent, who);
  for (PlannedFile& file : plan.files) {
    if (file.action == PlannedFile::Action::kCached) file.warning = guard.Foresee(file.entry);
  }
  return absl::OkStatus();
}

}  // namespace batuta::pull
