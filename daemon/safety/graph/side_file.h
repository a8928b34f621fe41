#pragma once

#include <cstddef>
#include <string_view>

namespace batuta::safety {

inline constexpr size_t kMostSideFileBytes = 1'024;

// What is wrong with `path` as the name of a file beside a model, or below it: "leads out of its folder". ""
// for a plain relative path: no .., nothing that any system takes for a root, a drive or a wildcard.
std::string_view SideFileProblem(std::string_view path);

}  // namespace batuta::safety
