#include "client/commands/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/commands/command_table.h"

namespace batuta::client {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ManualTest, ThereIsAPageForTheProgramForEachGroupAndForEachCommandThatIsListed) {
  const auto commands = MakeCommands();
  const std::vector<std::string> pages = ManualPages(commands);

  for (const char* page : {"batuta", "batuta-hf", "batuta-hf-jobs", "batuta-hf-pull", "batuta-completion"})
    EXPECT_THAT(pages, Contains(page));
  EXPECT_THAT(pages, Not(Contains(HasSubstr("__"))));
  for (const std::string& page : pages) EXPECT_THAT(ManualPage(commands, page), StartsWith(".TH ")) << page;
}

TEST(ManualTest, ACommandTellsItsArgumentsFlagsAndExamples) {
  const std::string page = ManualPage(MakeCommands(), "batuta-hf-pull");

  EXPECT_THAT(page, HasSubstr("batuta\\-hf\\-pull \\- download a repo into the cache"));
  EXPECT_THAT(page, HasSubstr(".SH \"ARGUMENTS\"\n.TP\n.B \"TYPE\"\n"));
  EXPECT_THAT(page, HasSubstr(".B \"\\-o, \\-\\-output DIR\"\n"));
  EXPECT_THAT(page, HasSubstr(".SH \"OPTIONS OF EVERY COMMAND\"\n"));
  EXPECT_THAT(page, HasSubstr(".SH \"EXAMPLES\"\n"));
  EXPECT_THAT(page, HasSubstr(".SH \"SEE ALSO\"\nbatuta\\-hf(1), batutad(8)\n"));
}

TEST(ManualTest, AGroupListsItsCommands) {
  const std::string page = ManualPage(MakeCommands(), "batuta-hf-jobs");

  EXPECT_THAT(page, HasSubstr(".B \"batuta\\-hf\\-jobs\\-watch(1)\"\n"));
  EXPECT_THAT(page, Not(HasSubstr("ENVIRONMENT")));
}

TEST(ManualTest, ThereIsNoOtherPage) {
  EXPECT_EQ(ManualPage(MakeCommands(), "batuta-hf-nope"), "");
  EXPECT_EQ(ManualPage(MakeCommands(), "batuta-__complete"), "");
}

}  // namespace
}  // namespace batuta::client
