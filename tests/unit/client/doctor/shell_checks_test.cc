#include "client/doctor/shell_checks.h"

#include <algorithm>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::client {
namespace {

using testing::HasSubstr;

ShellFacts Good() {
  ShellFacts facts{.client_version = "0.1.0", .uid = 1'000};
  facts.has_daemon = true;
  facts.daemon_version = "0.1.0";
  facts.socket_folder =
      PathFacts{.path = "/run/user/1000/batuta", .exists = true, .owner = 1'000, .mode = 0700};
  facts.token_location = "/home/mira/.cache/huggingface/token";
  facts.token_file = {.path = facts.token_location, .exists = true, .owner = 1'000, .mode = 0600};
  facts.proxies = "none";
  facts.daemon_proxies = "none";
  return facts;
}

TEST(JudgeShell, WhereAllIsWellNothingIsToBeDone) {
  for (const Check& check : JudgeShell(Good())) {
    EXPECT_EQ(check.status, CheckStatus::kOk) << check.name << ": " << check.detail;
    EXPECT_EQ(check.hint, "") << check.name;
  }
}

struct Case {
  const char* what;
  std::function<void(ShellFacts&)> change;
  const char* name;
  CheckStatus status;
  const char* hint;  // part of it
};

class ShellCase : public testing::TestWithParam<Case> {};

TEST_P(ShellCase, SaysWhatItMeansAndWhatToDo) {
  ShellFacts facts = Good();
  GetParam().change(facts);
  const std::vector<Check> checks = JudgeShell(facts);
  const auto check = std::ranges::find(checks, GetParam().name, &Check::name);
  ASSERT_NE(check, checks.end()) << GetParam().what;
  EXPECT_EQ(check->status, GetParam().status) << GetParam().what << ": " << check->detail;
  EXPECT_THAT(check->hint, HasSubstr(GetParam().hint)) << GetParam().what;
}

void NoDaemon(ShellFacts& facts) {
  facts.has_daemon = false;
  facts.daemon_trouble = "no daemon answers";
  facts.daemon_proxies.reset();
  facts.program = "/usr/bin/batutad";
}

constexpr CheckStatus kOk = CheckStatus::kOk;
constexpr CheckStatus kWarn = CheckStatus::kWarn;
constexpr CheckStatus kFail = CheckStatus::kFail;

const Case kCases[] = {
    {"none runs, and one is started", NoDaemon, "daemon.running", kOk, ""},
    {"none runs, and none may be started",
     [](ShellFacts& facts) {
       NoDaemon(facts);
       facts.may_spawn = false;
     },
     "daemon.running", kWarn, "batuta daemon start"},
    {"there is no program",
     [](ShellFacts& facts) {
       NoDaemon(facts);
       facts.program.clear();
     },
     "daemon.running", kFail, "PATH"},
    {"a stranger listens",
     [](ShellFacts& facts) {
       NoDaemon(facts);
       facts.is_stranger = true;
     },
     "daemon.running", kFail, "group batuta"},
    {"an older daemon", [](ShellFacts& facts) { facts.daemon_version = "0.0.9"; }, "daemon.version", kWarn,
     "daemon stop"},
    {"another program beside it",
     [](ShellFacts& facts) {
       NoDaemon(facts);
       facts.daemon_version = "0.0.9";
     },
     "daemon.version", kWarn, "same release"},
    {"another endpoint",
     [](ShellFacts& facts) {
       facts.mismatch = "serves another endpoint";
       facts.mismatch_hint = "unset HF_ENDPOINT";
     },
     "daemon.identity", kFail, "unset HF_ENDPOINT"},
    {"a folder of another user", [](ShellFacts& facts) { facts.socket_folder->owner = 1'001; },
     "socket.folder", kFail, "XDG_RUNTIME_DIR"},
    {"the machine's own folder",
     [](ShellFacts& facts) {
       facts.socket_folder->owner = 990;
       facts.is_system_socket = true;
     },
     "socket.folder", kOk, ""},
    {"a folder for anybody", [](ShellFacts& facts) { facts.socket_folder->mode = 0777; }, "socket.folder",
     kFail, "o-w"},
    {"/tmp, where each has its own", [](ShellFacts& facts) { facts.socket_folder->mode = 01777; },
     "socket.folder", kOk, ""},
    {"a folder that is still to be made", [](ShellFacts& facts) { facts.socket_folder->exists = false; },
     "socket.folder", kOk, ""},
    {"a proxy that the daemon does not know",
     [](ShellFacts& facts) { facts.proxies = "HTTPS_PROXY=http://proxy:3128"; }, "shell.proxy", kWarn,
     "daemon stop"},
    {"no token", [](ShellFacts& facts) { facts.token_location.clear(); }, "token.present", kOk, "hf login"},
    {"a token that is none", [](ShellFacts& facts) { facts.token_trouble = "has a blank inside"; },
     "token.present", kFail, "hf login"},
    {"a token that others read", [](ShellFacts& facts) { facts.token_file.mode = 0644; }, "token.file", kWarn,
     "chmod 600"},
    {"a token that others write", [](ShellFacts& facts) { facts.token_file.mode = 0622; }, "token.file",
     kFail, "chmod 600"},
    {"another user's token", [](ShellFacts& facts) { facts.token_file.owner = 1'001; }, "token.file", kWarn,
     "HF_TOKEN_PATH"},
};

INSTANTIATE_TEST_SUITE_P(Shell, ShellCase, testing::ValuesIn(kCases));

TEST(JudgeShell, AFileThatIsNotThereIsNotJudged) {
  ShellFacts facts = Good();
  facts.token_file.exists = false;
  const std::vector<Check> checks = JudgeShell(facts);
  EXPECT_EQ(std::ranges::find(checks, "token.file", &Check::name), checks.end());
}

}  // namespace
}  // namespace batuta::client
