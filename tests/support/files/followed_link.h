#pragma once

#include <filesystem>

namespace batuta {

// As if somebody had followed the symlink since it was made. Before that, to follow it is to note its access
// on the disk, and that is a wait. False when it cannot be had.
bool MarkFollowed(const std::filesystem::path& link);

}  // namespace batuta
