#include "daemon/pull/near_miss.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace batuta::pull {
namespace {

constexpr size_t kMaxEntries = 20'000;
constexpr size_t kMaxCompared = 256;  // of a path, so that a comparison stays cheap

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower;
}

std::string_view NameOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Letters to insert, delete or change to turn one text into the other.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// How far `candidate` is from what was written; above `farthest` it is no near miss.
size_t Distance(std::string_view written, std::string_view candidate, size_t farthest) {
  if (NameOf(candidate) == NameOf(written)) return 1;
  const size_t difference =
      std::max(written.size(), candidate.size()) - std::min(written.size(), candidate.size());
  if (difference > farthest || candidate.size() > kMaxCompared) return farthest + 1;
  return EditDistance(written, candidate);
}

}  // namespace

std::vector<std::string> NearMisses(const Tree& tree, std::string_view path, size_t limit) {
  const std::string written = Lower(path.substr(0, kMaxCompared));
  const size_t farthest = std::max<size_t>(2, written.size() / 5);
  std::vector<std::pair<size_t, std::string>> found;
  const size_t count = std::min(tree.entries.size(), kMaxEntries);
  for (size_t i = 0; i < count; ++i) {
    const std::string& candidate = tree.entries[i].path.text();
    const size_t distance = Distance(written, Lower(candidate), farthest);
    if (distance <= farthest) found.emplace_back(distance, candidate);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (found.size() > limit) found.resize(limit);
  std::vector<std::string> paths;
  for (auto& [distance, candidate] : found) paths.push_back(std::move(candidate));
  return paths;
}

}  // namespace batuta::pull
