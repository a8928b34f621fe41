#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace batuta::safety {

// Which bytes of a file belong to something, for formats that are a web of offsets: what belongs to nothing
// may be another file.
class Coverage {
 public:
  struct Range {
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  explicit Coverage(size_t most_ranges) : most_ranges_(most_ranges) {}

  // False when there are more than can be kept.
  bool Add(uint64_t begin, uint64_t end);

  // What is free between 0 and the end of the last range, in order. Sorts what was added.
  std::vector<Range> Gaps();

  // Of the last range.
  uint64_t end() const { return end_; }

 private:
  size_t most_ranges_;
  uint64_t end_ = 0;
  std::vector<Range> ranges_;
};

}  // namespace batuta::safety
