#pragma once

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// A JSON file of a repo. Of one that a loader takes instructions from (`is_config`), every key at every depth
// is held against what makes loaders import code: auto_map, attention kernels, targets, modules, and so on;
// chat templates are inspected. A vocabulary is data whatever it holds. The rules that go by the name of the
// file look at the subject's.
absl::Status InspectRepoConfig(Subject& subject, bool is_config);

}  // namespace batuta::safety
