#include "client/output/live_region.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::client {

std::string LiveRegion::BackToStart(size_t columns) const {
  size_t rows = 0;
  for (const size_t width : widths_)
    rows += width == 0 ? 1 : (width + columns - 1) / std::max<size_t>(columns, 1);
  // The cursor stands at the end of the last row, not below it.
  return rows > 1 ? fmt::format("\r\x1b[{}A", rows - 1) : "\r";
}

void LiveRegion::Draw(const std::vector<std::string>& lines) {
  std::string bytes = widths_.empty() ? "\x1b[?25l" : BackToStart(output_.size().columns);
  bytes += "\x1b[J";
  widths_.clear();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) bytes += "\r\n";
    bytes += lines[i];
    widths_.push_back(DisplayWidth(lines[i]));
  }
  output_.TalkRaw(bytes);
}

void LiveRegion::Clear() {
  if (widths_.empty()) return;
  output_.TalkRaw(BackToStart(output_.size().columns) + "\x1b[J\x1b[?25h");
  widths_.clear();
}

}  // namespace batuta::client
