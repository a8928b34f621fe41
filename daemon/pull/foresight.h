#pragma once

#include "absl/status/status.h"

#include "common/types/principal.h"
#include "daemon/guard/pull_guard.h"
#include "daemon/pull/planner.h"
#include "daemon/pull/pull_request.h"

namespace batuta::pull {

// Adds to a plan what a pull by `who` would say of the files that are in the cache: a warning of each that is
// known to be unsafe, admitted or not. Nothing is recorded, and no file is read. Runs on the disk pool.
//   kInvalidArgument  as guard::MakeConsent().
absl::Status WarnOfCached(const guard::GuardContext& context, const PullRequest& request,
                          const Principal& who, PullPlan& plan);

}  // namespace batuta::pull
