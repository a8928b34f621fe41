#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "daemon/hub/hub_client.h"
#include "daemon/pull/pull_request.h"

namespace batuta::pull {

// Where the hub keeps what its bots have made safetensors of.
inline constexpr std::string_view kConversion = "refs/convert/safetensors";

// Before a refusal is shown: when it is about pickles of a model, asks the hub whether it has a conversion of
// them, and names that in the hint if so. Any other status comes back as it is, and so does one about which
// the hub cannot be asked, or not at once. `done` is called once, perhaps inside the call, else where the
// callbacks of `hub` run.
void NameConversion(hub::HubClient& hub, const PullRequest& request, const hub::Access& access,
                    absl::Status refusal, absl::AnyInvocable<void(absl::Status)> done);

}  // namespace batuta::pull
