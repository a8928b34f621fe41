#pragma once

#include <filesystem>

#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "daemon/cache/cache.h"

namespace batuta::cache {

// Finds out by trying, inside `folder`, which is made for it and removed again (what an earlier run left in
// it, too). On a full disk nothing can be tried: the usual abilities are assumed, so that what is cached
// stays usable.
absl::StatusOr<Abilities> ProbeAbilities(FileSystem& files, const std::filesystem::path& folder);

}  // namespace batuta::cache
