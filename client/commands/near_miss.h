#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace batuta::client {

// How many letters must be inserted, removed, replaced or swapped with their neighbour to make one word of
// the other, ignoring letter case. Words longer than 64 bytes count as entirely different. Pure.
size_t EditDistance(std::string_view left, std::string_view right);

// The candidate that `word` most likely meant: one that it is the beginning of, else the nearest within a
// third of its length (at least one letter); empty when none is near. Pure.
std::string NearMiss(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace batuta::client
