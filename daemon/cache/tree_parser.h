#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/io/file_system.h"
#include "common/types/entry.h"

namespace batuta::cache {

// Reads a stored listing piece by piece: memory is the tree itself and 64 KiB. Nothing when the text is not a
// listing of version 1, or when any path, size or digest in it is not well-formed: the hub is asked again
// then. Fields it does not know are passed over.
//   Errors: those of reading.
absl::StatusOr<std::optional<std::vector<Entry>>> ParseTree(File& file);

// The same of a listing that is in memory.
std::optional<std::vector<Entry>> ParseTree(std::string_view text);

}  // namespace batuta::cache
