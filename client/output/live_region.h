#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/output/output.h"

namespace batuta::client {

// LiveRegion redraws the last lines of the terminal behind stderr in place, and leaves the terminal as it
// was: the cursor is hidden while a region stands and shown again by Clear() and by the destructor. Copes
// with a terminal that was resized in between. Not thread-safe.
class LiveRegion {
 public:
  // `output` outlives the region.
  explicit LiveRegion(Output& output) : output_(output) {}

  ~LiveRegion() { Clear(); }

  LiveRegion(const LiveRegion&) = delete;
  LiveRegion& operator=(const LiveRegion&) = delete;

  // Replaces what stands there. Lines are printable and narrower than the terminal.
  void Draw(const std::vector<std::string>& lines);

  // Removes the region; other text may follow.
  void Clear();

 private:
  // Moves to the beginning of the region, counting how its lines wrap in a terminal of `columns`.
  std::string BackToStart(size_t columns) const;

  Output& output_;
  std::vector<size_t> widths_;  // of the lines that stand there
};

}  // namespace batuta::client
