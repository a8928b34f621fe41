#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace batuta {

enum class Align { kLeft, kRight };

struct TableColumn {
  std::string title;
  Align align = Align::kLeft;

  // May be cut, with `…` at its end, when the terminal is too narrow; the widest such column gives way first.
  bool may_shrink = false;
};

struct TableOptions {
  size_t width = 0;  // columns of the terminal; 0: unlimited, as in a pipe
  bool with_titles = true;
  size_t gap = 2;  // blanks between columns
};

// Rows as lines of text for people. Cells are made printable, so that no outside text can move the cursor or
// fake a row; widths are those of a terminal (DisplayWidth). A row may have fewer cells than there are
// columns; more are ignored. No blanks at the ends of lines; every line ends in `\n`. A shrinking column
// keeps at least 4 columns; where that is not enough, lines run over. Pure.
std::string RenderTable(const std::vector<TableColumn>& columns,
                        const std::vector<std::vector<std::string>>& rows, const TableOptions& options = {});

// `text` cut to `width` columns, the last of them `…` when something was cut. `text` must be printable.
std::string FitToWidth(std::string_view text, size_t width);

}  // namespace batuta
