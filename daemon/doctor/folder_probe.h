#pragma once

#include <filesystem>

#include "daemon/doctor/facts.h"

namespace batuta::doctor {

// Looks at a folder, and tries what its file system does: in a folder of its own below `workshop` (which is
// `folder` or lies in it, and is made), removed again. One that does not exist is not made: then what is
// above it is looked at. Blocks for the disk.
FolderFacts ProbeFolder(const std::filesystem::path& folder, const std::filesystem::path& workshop);

}  // namespace batuta::doctor
