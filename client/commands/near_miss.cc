#include "client/commands/near_miss.h"

#include <algorithm>
#include <array>

namespace batuta::client {
namespace {

constexpr size_t kLongest = 64;

char Lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

}  // namespace

size_t EditDistance(std::string_view left, std::string_view right) {
  if (left.size() > kLongest || right.size() > kLongest) return std::max(left.size(), right.size());
  using Row = std::array<size_t, kLongest + 1>;
  Row two_back{};
  Row back{};
  Row row{};
  for (size_t j = 0; j <= right.size(); ++j) back[j] = j;
  for (size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= right.size(); ++j) {
      const bool is_same = Lower(left[i - 1]) == Lower(right[j - 1]);
      row[j] = std::min({back[j] + 1, row[j - 1] + 1, back[j - 1] + (is_same ? 0 : 1)});
      const bool is_swapped = i > 1 && j > 1 && Lower(left[i - 1]) == Lower(right[j - 2]) &&
                              Lower(left[i - 2]) == Lower(right[j - 1]);
      if (is_swapped) row[j] = std::min(row[j], two_back[j - 2] + 1);
    }
    two_back = back;
    back = row;
  }
  return back[right.size()];
}

std::string NearMiss(std::string_view word, const std::vector<std::string>& candidates) {
  const size_t limit = std::max<size_t>(1, word.size() / 3);
  std::string nearest;
  size_t distance = limit + 1;
  for (const std::string& candidate : candidates) {
    if (word.size() >= 3 && candidate.starts_with(word)) return candidate;
    const size_t here = EditDistance(word, candidate);
    if (here < distance) {
      distance = here;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace batuta::client
