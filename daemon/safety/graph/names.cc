#include "daemon/safety/graph/names.h"

#include <algorithm>

namespace batuta::safety {

Names::Names(std::string_view words) {
  constexpr std::string_view kBlanks = " \n";
  for (size_t begin = words.find_first_not_of(kBlanks); begin != std::string_view::npos;) {
    const size_t end = std::min(words.find_first_of(kBlanks, begin), words.size());
    sorted_.push_back(words.substr(begin, end - begin));
    begin = words.find_first_not_of(kBlanks, end);
  }
  std::sort(sorted_.begin(), sorted_.end());
}

bool Names::Has(std::string_view name) const {
  return std::binary_search(sorted_.begin(), sorted_.end(), name);
}

}  // namespace batuta::safety
