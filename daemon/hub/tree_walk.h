#pragma once

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/types/entry.h"
#include "daemon/hub/exchange.h"

namespace batuta::hub {

inline constexpr size_t kMaxTreeEntries = 1'000'000;
inline constexpr size_t kMaxTreePages = 50'000;

// Asks for the page that `first` names and all that follow it, one after another, and calls `done` exactly
// once, on the transport's thread; never inside WalkTree(). Errors as Ask() and TreeBuilder, and kInternal
// (HUB_PROTOCOL) when the pages go in a circle or there are more than kMaxTreePages.
void WalkTree(const Wire& wire, Question first, const Access& access, const CommitId& commit,
              absl::AnyInvocable<void(absl::StatusOr<Tree>)> done);

}  // namespace batuta::hub
