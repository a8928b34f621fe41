#include "client/commands/application.h"

#include <string>
#include <vector>

#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using ApplicationTest = ClientTest;

TEST_F(ApplicationTest, HelpShowsExamplesFirstAndEveryLevelHasIt) {
  const std::vector<std::vector<std::string>> rows = {{"--help"},
                                                      {"-h"},
                                                      {"hf", "--help"},
                                                      {"hf", "jobs", "-h"},
                                                      {"hf", "pull", "-h"},
                                                      {"help", "hf", "pull"},
                                                      {"hf", "pull", "model", "--help"}};
  for (const auto& words : rows) {
    const RunResult result = Run(words);
    EXPECT_EQ(result.code, 0) << ::testing::PrintToString(words);
    EXPECT_EQ(result.err, "");
    const size_t examples = result.out.find("Examples:");
    ASSERT_NE(examples, std::string::npos);
    EXPECT_LT(examples, result.out.find("Usage:"));
  }
  EXPECT_TRUE(daemon_.calls().methods.empty()) << "help asks no daemon";
}

TEST_F(ApplicationTest, VersionInEveryFormat) {
  EXPECT_THAT(Run({"--version"}).out, StartsWith("batuta "));
  EXPECT_TRUE(nlohmann::json::parse(Run({"--version", "--format", "json"}).out).contains("version"));
}

TEST_F(ApplicationTest, UsageErrorsExitWithTwoAndNameTheWayOut) {
  const struct {
    std::vector<std::string> words;
    std::string hint;
  } rows[] = {
      {{}, "batuta --help"},
      {{"hf"}, "batuta hf --help"},
      {{"hf", "serach"}, "did you mean `batuta hf search`?"},
      {{"pull"}, "did you mean `batuta hf pull`?"},
      {{"--verison"}, "did you mean --version?"},
      {{"hf", "pull", "model", "a/b", "--revison", "x"}, "did you mean --revision?"},
      {{"hf", "pull", "a/b"}, "usage: batuta hf pull TYPE REPO [FILE…] [flags]"},
      {{"hf", "limits", "--format", "jsno"}, "did you mean json?"},
      {{"hf", "limits", "--events", "--format", "human"}, "leave one of them out"},
  };

  for (const auto& row : rows) {
    const RunResult result = Run(row.words);
    EXPECT_EQ(result.code, 2) << ::testing::PrintToString(row.words);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(row.hint));
  }
}

TEST_F(ApplicationTest, ErrorsInJsonModeAreADocumentEvenWhenTheCommandLineIsBroken) {
  const RunResult result = Run({"hf", "serach", "--format", "json"});

  EXPECT_EQ(ErrorOf(result)["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(ErrorOf(result)["reason"], "INVALID_ARGUMENT");
  EXPECT_EQ(ErrorOf(result)["hint"], "did you mean `batuta hf search`?");
}

TEST_F(ApplicationTest, FlagsOfEveryCommandMayStandInFrontOfIt) {
  EXPECT_EQ(Run({"--format", "quiet", "daemon", "status"}).out, "4711\n");
  EXPECT_EQ(Run({"--format=quiet", "daemon", "--no-progress", "status"}).out, "4711\n");
}

TEST_F(ApplicationTest, SocketFlagIsStrongerThanTheVariable) {
  client_.variables["BATUTA_SOCKET"] = "/nonexistent/x.sock";

  EXPECT_EQ(Run({"daemon", "status"}).code, 3);
  EXPECT_EQ(Run({"daemon", "status", "--socket", client_.socket_path()}).code, 0);
}

struct OutputRow {
  std::vector<std::pair<std::string, std::string>> variables;
  bool is_terminal;
  bool no_progress;
  bool bars;
  bool color;
  bool progress;
};

TEST_F(ApplicationTest, EnvironmentAndTerminalDecideOnBarsAndColors) {
  const OutputRow rows[] = {
      {{{"TERM", "xterm"}}, true, false, true, true, true},
      {{{"TERM", "xterm"}}, false, false, false, false, true},
      {{{"TERM", "dumb"}}, true, false, false, false, true},
      {{}, true, false, false, false, true},
      {{{"TERM", "xterm"}, {"NO_COLOR", "1"}}, true, false, true, false, true},
      {{{"TERM", "xterm"}, {"NO_COLOR", ""}}, true, false, true, true, true},
      {{{"TERM", "xterm"}, {"HF_HUB_DISABLE_PROGRESS_BARS", "1"}}, true, false, true, true, false},
      {{{"TERM", "xterm"}}, true, true, true, true, false},
  };
  for (const OutputRow& row : rows) {
    StringSink sink;
    const SystemClock clock;
    const Surroundings surroundings = {
        .environment = [&row](std::string_view name) -> std::optional<std::string> {
          for (const auto& [key, value] : row.variables) {
            if (key == name) return value;
          }
          return std::nullopt;
        },
        .this_program = {},
        .data = sink,
        .talk = sink,
        .data_is_terminal = row.is_terminal,
        .talk_is_terminal = row.is_terminal,
        .terminal_size = [] { return TerminalSize{}; },
        .console = client_.console,
        .clock = clock,
    };
    const OutputOptions options = ChooseOutput(surroundings, OutputFormat::kHuman, false, row.no_progress);
    EXPECT_EQ(options.bars, row.bars);
    EXPECT_EQ(options.color, row.color);
    EXPECT_EQ(options.progress, row.progress);
  }
}

}  // namespace
}  // namespace batuta::client
