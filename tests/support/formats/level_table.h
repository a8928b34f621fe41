#pragma once

#include <string>
#include <utility>
#include <vector>

// Sorted tables, as TensorFlow writes the index of a checkpoint.
namespace batuta::formats {

// Entries with each key whole, and one place that says so.
std::string LevelBlock(const std::vector<std::pair<std::string, std::string>>& entries);

// A table of these blocks, each with an entry in its index. `packed` says how they are: 0 for not at all.
std::string LevelTable(const std::vector<std::string>& blocks, const std::string& before = "",
                       char packed = '\0');

}  // namespace batuta::formats
