#include "common/text/table.h"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/text/human.h"

namespace batuta {
namespace {

const std::vector<TableColumn> kColumns = {
    {.title = "REPO", .may_shrink = true}, {.title = "SIZE", .align = Align::kRight}, {.title = "STATE"}};

TEST(RenderTableTest, AlignsColumnsAndLeavesNoBlanksAtTheEnd) {
  EXPECT_EQ(RenderTable(kColumns, {{"acme/otter", "4.98 GB", "done"}, {"gpt2", "9 B", ""}}),
            "REPO           SIZE  STATE\n"
            "acme/otter  4.98 GB  done\n"
            "gpt2            9 B\n");
}

TEST(RenderTableTest, CountsColumnsAndNotBytes) {
  EXPECT_EQ(RenderTable({{.title = "A"}, {.title = "B"}}, {{"日本", "x"}, {"e\xcc\x81", "y"}}),
            "A     B\n"
            "日本  x\n"
            "e\xcc\x81     y\n");
}

TEST(RenderTableTest, ShrinksTheWidestColumnThatMay) {
  const std::string table =
      RenderTable(kColumns, {{"organisation/a-rather-long-name", "4.98 GB", "done"}}, {.width = 30});
  EXPECT_EQ(table,
            "REPO               SIZE  STATE\n"
            "organisation/…  4.98 GB  done\n");
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 30u);
}

TEST(RenderTableTest, ShrinksSeveralColumnsEvenly) {
  const std::vector<TableColumn> columns = {{.title = "A", .may_shrink = true},
                                            {.title = "B", .may_shrink = true}};
  EXPECT_EQ(RenderTable(columns, {{"aaaaaaaaaaaa", "bbbbbbbbbbbb"}}, {.width = 14, .with_titles = false}),
            "aaaaa…  bbbbb…\n");
}

TEST(RenderTableTest, KeepsAtLeastFourColumnsWhateverTheTerminal) {
  EXPECT_EQ(
      RenderTable({{.title = "A", .may_shrink = true}}, {{"abcdefgh"}}, {.width = 1, .with_titles = false}),
      "abc…\n");
}

TEST(RenderTableTest, OutsideTextCannotFakeARow) {
  const std::string table = RenderTable({{.title = "A"}}, {{"x\nfake row\x1b[A"}}, {.with_titles = false});
  EXPECT_EQ(table, "x\\x0afake row\\x1b[A\n");
}

TEST(RenderTableTest, TakesOddShapes) {
  EXPECT_EQ(RenderTable({}, {}), "\n");
  EXPECT_EQ(RenderTable({}, {}, {.with_titles = false}), "");
  EXPECT_EQ(RenderTable({{.title = "A"}, {.title = "B"}}, {{}, {"1", "2", "3"}}), "A  B\n\n1  2\n");
}

TEST(FitToWidthTest, CutsBetweenCharacters) {
  EXPECT_EQ(FitToWidth("abc", 3), "abc");
  EXPECT_EQ(FitToWidth("abcd", 3), "ab…");
  EXPECT_EQ(FitToWidth("日本語", 4), "日…") << "half a wide character does not fit";
  EXPECT_EQ(FitToWidth("日本語", 1), "…");
  EXPECT_EQ(FitToWidth("x", 0), "");
}

}  // namespace
}  // namespace batuta
