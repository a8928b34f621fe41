#include "client/commands/command_table.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/commands/global_flags.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

using ::testing::ElementsAre;

TEST(CommandTableTest, EveryCommandCanBeFoundAndShowsAnExample) {
  const auto commands = MakeCommands();
  std::set<std::string_view> names;
  for (const auto& command : commands) {
    EXPECT_TRUE(names.insert(command->name()).second) << command->name();
    EXPECT_FALSE(command->summary().empty());
    if (command->is_hidden()) continue;
    EXPECT_NE(command->examples().find("batuta " + std::string(command->name())), std::string::npos)
        << command->name();
    EXPECT_TRUE(command->examples().ends_with('\n'));
    Flags flags;
    command->DefineFlags(flags);
    GlobalFlags globals;
    globals.Define(flags, command->own_formats());
    std::set<std::string> seen;
    for (const auto& flag : flags.flags()) EXPECT_TRUE(seen.insert(flag.names).second) << flag.names;
  }
}

TEST(MatchCommandTest, FindsTheLongestName) {
  const auto commands = MakeCommands();

  EXPECT_EQ(MatchCommand(commands, {"hf", "jobs", "ls", "x"}).command->name(), "hf jobs ls");
  EXPECT_EQ(MatchCommand(commands, {"hf", "jobs", "ls", "x"}).word_count, 3u);
  EXPECT_EQ(MatchCommand(commands, {"hf", "jobs"}).command, nullptr);
  EXPECT_EQ(MatchCommand(commands, {"hf", "jobs"}).group, "hf jobs");
  EXPECT_EQ(MatchCommand(commands, {"hf", "nope"}).group, "hf");
  EXPECT_EQ(MatchCommand(commands, {}).word_count, 0u);
}

TEST(MatchCommandTest, ListsWhatMayFollow) {
  EXPECT_THAT(NextWords(MakeCommands(), ""), ElementsAre("hf", "daemon", "doctor", "completion"));
  EXPECT_THAT(NextWords(MakeCommands(), "hf jobs"),
              ElementsAre("ls", "watch", "pause", "resume", "cancel", "priority", "limit-rate"));
}

TEST(UnknownCommandTest, NamesTheNearestOneWhereverItStands) {
  const auto commands = MakeCommands();

  EXPECT_EQ(HintOf(UnknownCommand(commands, "hf", "serach")), "did you mean `batuta hf search`?");
  EXPECT_EQ(HintOf(UnknownCommand(commands, "", "pull")), "did you mean `batuta hf pull`?");
  EXPECT_EQ(HintOf(UnknownCommand(commands, "", "xyzzy")), "batuta --help  lists them");
}

TEST(PlainWordsTest, LeavesFlagsAndTheirValuesOut) {
  EXPECT_THAT(PlainWords({"--format", "json", "hf", "--socket=/x", "jobs", "-h", "ls", "--", "more"}),
              ElementsAre("hf", "jobs", "ls"));
}

TEST(GuessFormatTest, SeesTheFormatInABrokenCommandLine) {
  EXPECT_EQ(GuessFormat({"hf", "--format", "json", "--nonsense"}), OutputFormat::kJson);
  EXPECT_EQ(GuessFormat({"hf", "--format=quiet"}), OutputFormat::kQuiet);
  EXPECT_EQ(GuessFormat({"hf", "--events"}), OutputFormat::kJson);
  EXPECT_EQ(GuessFormat({"--format", "gguf", "--format=json"}), OutputFormat::kJson);
  EXPECT_EQ(GuessFormat({"hf", "--", "--format=json"}), OutputFormat::kHuman);
  EXPECT_EQ(GuessFormat({"hf", "--format"}), OutputFormat::kHuman);
}

}  // namespace
}  // namespace batuta::client
