#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/types/entry.h"

namespace batuta::pull {

// Up to `limit` paths of `tree` that somebody who wrote `path` may have meant, the likeliest first: the same
// name in another folder or another letter case, or a few letters apart. Pure; looks at 20,000 entries at
// most.
std::vector<std::string> NearMisses(const Tree& tree, std::string_view path, size_t limit);

}  // namespace batuta::pull
