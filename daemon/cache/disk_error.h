#pragma once

#include <filesystem>
#include <string_view>

#include "absl/status/status.h"

namespace batuta::cache {

// The errno that an error of FileSystem was made from; 0 for OK and for other errors.
int ErrnoOf(const absl::Status& status);

// Does the error only say that there is no such file (or something else stands in its place)?
bool SaysAbsent(const absl::Status& status);

// kDataLoss (INVALID_PATH): what lies at `path` keeps a file of a repo from its place.
absl::Status InTheWay(const std::filesystem::path& path, std::string_view what);

}  // namespace batuta::cache
