#include "daemon/safety/graph/coverage.h"

#include <algorithm>

namespace batuta::safety {

bool Coverage::Add(uint64_t begin, uint64_t end) {
  end_ = std::max(end_, end);
  // One after the other is the usual way.
  if (!ranges_.empty() && begin >= ranges_.back().begin && begin <= ranges_.back().end) {
    ranges_.back().end = std::max(ranges_.back().end, end);
    return true;
  }
  if (ranges_.size() >= most_ranges_) return false;
  ranges_.push_back({begin, end});
  return true;
}

std::vector<Coverage::Range> Coverage::Gaps() {
  std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::vector<Range> gaps;
  uint64_t at = 0;
  for (const Range& range : ranges_) {
    if (range.begin > at) gaps.push_back({at, range.begin});
    at = std::max(at, range.end);
  }
  return gaps;
}

}  // namespace batuta::safety
