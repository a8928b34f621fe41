#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

#include "daemon/push/folder.h"

namespace batuta::push {

// See Folder::Walk().
absl::StatusOr<FolderListing> WalkFolder(const Folder& folder, uint64_t most_files);

}  // namespace batuta::push
