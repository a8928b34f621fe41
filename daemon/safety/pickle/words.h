#pragma once

#include <string_view>
#include <vector>

namespace batuta::safety::pickle {

// The words of `text`, which are separated by one space each: how the tables here hold many names in a cell.
inline std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    words.push_back(word);
    text.remove_prefix(word.size() == text.size() ? word.size() : word.size() + 1);
  }
  return words;
}

}  // namespace batuta::safety::pickle
