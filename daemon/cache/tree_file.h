#pragma once

#include "absl/status/status.h"

#include "common/io/file_system.h"
#include "common/types/entry.h"

namespace batuta::cache {

// Writes the listing of a commit to an empty file, byte for byte as the Python library would
// (`trees/<commit>.json`): indented by one, paths in the order of their code points, ASCII only. The git oid
// of an LFS entry that is not known is written as an empty string, since readers insist on the field.
absl::Status WriteTreeTo(File& file, const Tree& tree);

}  // namespace batuta::cache
