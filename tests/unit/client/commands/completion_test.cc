#include "client/commands/completion.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "client/commands/completion_scripts.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

std::vector<std::string> Complete(const std::vector<std::string>& words) {
  CompletionSources sources;
  sources.repos = [](std::string_view type) {
    return type == "model" ? std::vector<std::string>{"acme/otter", "acme/osprey"}
                           : std::vector<std::string>{"acme/notes"};
  };
  sources.jobs = [] { return std::vector<std::string>{"3fa2", "9bc1"}; };
  return CompleteWords(words, sources);
}

TEST(CompleteWordsTest, CompletesCommandsLevelByLevel) {
  EXPECT_THAT(Complete({""}), ElementsAre("completion", "daemon", "doctor", "hf"));
  EXPECT_THAT(Complete({"hf", "l"}), ElementsAre("limits", "login", "logout"));
  EXPECT_THAT(Complete({"hf", "jobs", ""}),
              ElementsAre("cancel", "limit-rate", "ls", "pause", "priority", "resume", "watch"));
  EXPECT_THAT(Complete({"hf", "nope", ""}), IsEmpty());
  EXPECT_THAT(Complete({"--"}), ElementsAre("--help", "--version"));
}

TEST(CompleteWordsTest, CompletesTypesReposAndJobs) {
  EXPECT_THAT(Complete({"hf", "pull", ""}), ElementsAre("dataset", "model", "space"));
  EXPECT_THAT(Complete({"hf", "search", "m"}), ElementsAre("models"));
  EXPECT_THAT(Complete({"hf", "fit", "acme/ot"}), ElementsAre("acme/otter"));
  EXPECT_THAT(Complete({"hf", "fit", "acme/otter", "--fit-target", "g"}), ElementsAre("gpu"));
  EXPECT_THAT(Complete({"hf", "pull", "model", "acme/o"}), ElementsAre("acme/osprey", "acme/otter"));
  EXPECT_THAT(Complete({"hf", "cache", "path", "--revision", "x", "dataset", ""}), ElementsAre("acme/notes"));
  EXPECT_THAT(Complete({"hf", "jobs", "watch", "3"}), ElementsAre("3fa2"));
  EXPECT_THAT(Complete({"hf", "jobs", "cancel", "3fa2", ""}), ElementsAre("3fa2", "9bc1"));
  EXPECT_THAT(Complete({"hf", "jobs", "watch", "3fa2", ""}), IsEmpty()) << "one job only";
  EXPECT_THAT(Complete({"hf", "jobs", "priority", ""}), ElementsAre("background", "interactive", "normal"));
  EXPECT_THAT(Complete({"hf", "jobs", "priority", "normal", ""}), ElementsAre("3fa2", "9bc1"));
  EXPECT_THAT(Complete({"hf", "jobs", "limit-rate", "10M", "9"}), ElementsAre("9bc1"));
  EXPECT_THAT(Complete({"hf", "jobs", "pause", "--a"}), ElementsAre("--all"));
}

TEST(CompleteWordsTest, CompletesTargetsInEveryOfTheirSpellings) {
  EXPECT_THAT(Complete({"hf", "cache", "rm", ""}), ElementsAre("dataset", "model", "space"));
  EXPECT_THAT(Complete({"hf", "cache", "rm", "model", ""}), ElementsAre("acme/osprey", "acme/otter"));
  EXPECT_THAT(Complete({"hf", "cache", "why", "dataset", "a"}), ElementsAre("acme/notes"));
  EXPECT_THAT(Complete({"hf", "cache", "pin", "model/acme/ot"}), ElementsAre("model/acme/otter"));
  EXPECT_THAT(Complete({"hf", "cache", "rm", "model/acme/otter", "acme/n"}), ElementsAre("acme/notes"));
}

TEST(CompleteWordsTest, CompletesFlagsAndTheirValues) {
  EXPECT_THAT(Complete({"hf", "pull", "model", "a/b", "--in"}), ElementsAre("--include"));
  EXPECT_THAT(Complete({"hf", "pull", "--"}), IsSupersetOf({"--dry-run", "--format", "--help", "--output"}));
  EXPECT_THAT(Complete({"hf", "pull", "--format", "q"}), ElementsAre("quiet"));
  EXPECT_THAT(Complete({"hf", "pull", "--format", ""}), Contains("gguf"));
  EXPECT_THAT(Complete({"hf", "limits", "--format", "g"}), IsEmpty());
  EXPECT_THAT(Complete({"hf", "pull", "--priority=b"}), ElementsAre("--priority=background"));
  EXPECT_THAT(Complete({"hf", "pull", "--priority", "=", "b"}), ElementsAre("--priority=background"))
      << "as bash splits it";
}

TEST(CompletionScriptTest, EveryShellCallsTheProgram) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_NE(CompletionScript(shell).find("__complete --"), std::string_view::npos) << shell;
  }
  EXPECT_EQ(CompletionScript("csh"), "");
}

// What bash itself makes of the script, with a program that answers as __complete does.
TEST(CompletionScriptTest, BashHandsBackWhatStandsBehindAnEqualsSign) {
  const TempFolder folder;
  std::ofstream(folder / "script") << CompletionScript("bash") << R"(
batuta() { printf '%s\n' --priority=background; }
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _batuta 2>/dev/null; echo "${COMPREPLY[*]}"; }
try batuta hf pull --priority=b
try batuta hf pull --priority = b
try batuta hf pull --priority =
)";
  const std::string command = "bash " + (folder / "script").native() + " > " + (folder / "out").native();
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::ifstream out(folder / "out");
  const std::string text((std::istreambuf_iterator<char>(out)), {});

  EXPECT_EQ(text, "--priority=background\nbackground\nbackground\n");
}

using CompleteCommandTest = ClientTest;

TEST_F(CompleteCommandTest, AsksTheRunningDaemon) {
  Answer([](FakeDaemon::Answers& answers) {
    *answers.cache.add_repos()->mutable_repo() = Repo("acme/otter");
    *answers.cache.add_repos()->mutable_repo() = Repo("acme/notes", v1::REPO_TYPE_DATASET);
    answers.pulls = {{Update(v1::Job::STATE_RUNNING)}};
  });
  Run({"hf", "pull", "model", "acme/otter", "--detach"});

  EXPECT_EQ(Run({"__complete", "--", "hf", "pull", "model", ""}).out, "acme/otter\n");
  EXPECT_EQ(Run({"__complete", "--", "hf", "jobs", "watch", ""}).out, "job0\n");
}

TEST_F(CompleteCommandTest, ReadsTheFoldersWhenNoDaemonRunsAndStartsNone) {
  daemon_.Stop();
  client_.variables.erase("BATUTA_NO_SPAWN");
  client_.variables["HF_HUB_CACHE"] = (folder_ / "hub").native();
  for (const char* name : {"models--acme--otter", "datasets--acme--notes", ".locks", "version.txt"}) {
    std::filesystem::create_directories(folder_ / "hub" / name);
  }

  const RunResult repos = Run({"__complete", "--", "hf", "pull", "model", ""});
  const RunResult jobs = Run({"__complete", "--", "hf", "jobs", "watch", ""});

  EXPECT_EQ(repos.out, "acme/otter\n");
  EXPECT_EQ(jobs.out, "");
  EXPECT_EQ(jobs.code, 0);
  EXPECT_EQ(repos.err + jobs.err, "");
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".local/state/batuta/batutad.log"));
}

TEST_F(CompleteCommandTest, UnknownShellIsAUsageError) {
  EXPECT_EQ(Run({"completion", "csh"}).code, 2);
  EXPECT_EQ(Run({"completion", "bash"}).out, CompletionScript("bash"));
}

}  // namespace
}  // namespace batuta::client
