#include "common/text/table.h"

#include <algorithm>
#include <numeric>

#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta {
namespace {

constexpr size_t kNarrowest = 4;

using Cells = std::vector<std::string>;

std::vector<Cells> PrintableCells(const std::vector<TableColumn>& columns, const std::vector<Cells>& rows,
                                  bool with_titles) {
  std::vector<Cells> lines;
  lines.reserve(rows.size() + 1);
  if (with_titles) {
    Cells& titles = lines.emplace_back();
    for (const TableColumn& column : columns) titles.push_back(Printable(column.title));
  }
  for (const Cells& row : rows) {
    Cells& line = lines.emplace_back(columns.size());
    for (size_t i = 0; i < std::min(row.size(), columns.size()); ++i) line[i] = Printable(row[i]);
  }
  return lines;
}

std::vector<size_t> NaturalWidths(size_t columns, const std::vector<Cells>& lines) {
  std::vector<size_t> widths(columns, 0);
  for (const Cells& line : lines) {
    for (size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], DisplayWidth(line[i]));
  }
  return widths;
}

// Takes `excess` columns away from those that may shrink, from the widest ones first.
void Shrink(const std::vector<TableColumn>& columns, size_t excess, std::vector<size_t>* widths) {
  for (; excess > 0; --excess) {
    size_t* widest = nullptr;
    for (size_t i = 0; i < columns.size(); ++i) {
      size_t& width = (*widths)[i];
      if (columns[i].may_shrink && width > kNarrowest && (widest == nullptr || width > *widest))
        widest = &width;
    }
    if (widest == nullptr) return;
    --*widest;
  }
}

void AppendCell(std::string& out, std::string_view text, size_t width, Align align) {
  const std::string fitted = FitToWidth(text, width);
  const std::string padding(width - std::min(width, DisplayWidth(fitted)), ' ');
  if (align == Align::kRight) out += padding;
  out += fitted;
  if (align == Align::kLeft) out += padding;
}

}  // namespace

std::string FitToWidth(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return {};
  size_t columns = 0;
  size_t end = 0;
  while (end < text.size()) {
    const Utf8Step step = NextUtf8(text, end);
    const size_t next = columns + (step.valid ? DisplayWidthOf(step.point) : 1);
    if (next > width - 1) break;
    columns = next;
    end += step.length;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string RenderTable(const std::vector<TableColumn>& columns, const std::vector<Cells>& rows,
                        const TableOptions& options) {
  const std::vector<Cells> lines = PrintableCells(columns, rows, options.with_titles);
  std::vector<size_t> widths = NaturalWidths(columns.size(), lines);
  const size_t gaps = columns.empty() ? 0 : (columns.size() - 1) * options.gap;
  const size_t needed = std::accumulate(widths.begin(), widths.end(), gaps);
  if (options.width > 0 && needed > options.width) Shrink(columns, needed - options.width, &widths);

  std::string out;
  for (const Cells& cells : lines) {
    std::string line;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) line.append(options.gap, ' ');
      AppendCell(line, cells[i], widths[i], columns[i].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace batuta
