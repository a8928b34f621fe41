#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace batuta {

// What a list like CUDA_VISIBLE_DEVICES shows: positions in `ids`, in its order. An entry is a number below
// `numbered` or the beginning of exactly one id. The list ends at the first entry that is neither (`-1`,
// "NoDevFiles") or comes twice, as the runtimes of the GPUs have it; so the empty list shows nothing.
std::vector<size_t> VisibleDevices(std::string_view list, const std::vector<std::string>& ids,
                                   size_t numbered);

}  // namespace batuta
