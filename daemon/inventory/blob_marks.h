#pragma once

#include <cstdint>
#include <unordered_set>

#include "daemon/inventory/inventory.h"

namespace batuta::inventory {

// See BlobMark(): of all that snapshots lead to, and of what lies loose, on its way in or not. Where there
// are no symlinks a snapshot's files do not say which blobs they are, and are not among them.
std::unordered_set<uint64_t> BlobMarksOf(const Repos& repos);

}  // namespace batuta::inventory
