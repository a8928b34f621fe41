#pragma once

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/types/entry.h"
#include "daemon/hub/asker.h"

namespace batuta::hub {

inline constexpr size_t kMaxTreeEntries = 1'000'000;
inline constexpr size_t kMaxTreePages = 50'000;

// Asks for the page that `first` names and all that follow it on `endpoint`, one after another, and calls
// `done` exactly once, as Asker::Done; never inside WalkTree(). Pages that are remembered cost no request, so
// a listing that was cut off goes on where it was. Errors as AskAndRead() and TreeBuilder, and kInternal
// (HUB_PROTOCOL) when the pages go in a circle or there are more than kMaxTreePages. `asker` outlives the
// walk.
void WalkTree(Asker& asker, const std::string& endpoint, Question first, const Access& access,
              const CommitId& commit, absl::AnyInvocable<void(absl::StatusOr<Tree>)> done);

}  // namespace batuta::hub
