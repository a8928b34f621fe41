#include "common/text/man_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ManPage APage() {
  return ManPage({.name = "batuta-hf-pull",
                  .section = 1,
                  .summary = "download a repo",
                  .date = "2026-11-28",
                  .release = "batuta 1.2.3"});
}

TEST(ManPageTest, TheTitleNamesPageSectionDateAndRelease) {
  EXPECT_EQ(APage().Take(),
            ".TH \"BATUTA\\-HF\\-PULL\" 1 \"2026-11-28\" \"batuta 1.2.3\" \"Manual of Batuta\"\n"
            ".SH NAME\n"
            "batuta\\-hf\\-pull \\- download a repo\n");
}

TEST(ManPageTest, NothingInATextIsMarkup) {
  const std::string text = APage().Paragraph(".so /etc/passwd").Paragraph("'t \\fBx\\fR `a`\n.b").Take();
  EXPECT_THAT(text, HasSubstr("\n\\&.so /etc/passwd\n"));
  EXPECT_THAT(text, HasSubstr("\n\\(aqt \\efBx\\efR \\(gaa\\(ga .b\n"));
}

TEST(ManPageTest, WhatIsNotAsciiIsNamed) {
  EXPECT_THAT(APage().Paragraph("FILE…").Take(), HasSubstr("\nFILE\\[u2026]\n"));
}

TEST(ManPageTest, ATermIsBoldAboveItsMeaning) {
  EXPECT_THAT(APage().Section("OPTIONS").Tagged("-o, --output DIR", "where \"it\" goes").Take(),
              HasSubstr(".SH \"OPTIONS\"\n.TP\n.B \"\\-o, \\-\\-output DIR\"\nwhere \"it\" goes\n"));
  EXPECT_THAT(APage().Tagged("a \"b\"", "c").Take(), HasSubstr(".B \"a \\(dqb\\(dq\"\n"));
}

TEST(ManPageTest, ParagraphsAreParted) {
  const std::string text = APage().Section("A").Paragraph("one").Paragraph("two").Take();
  EXPECT_THAT(text, HasSubstr(".SH \"A\"\none\n.PP\ntwo\n"));
  EXPECT_THAT(text, Not(HasSubstr(".SH \"A\"\n.PP")));
}

}  // namespace
}  // namespace batuta
