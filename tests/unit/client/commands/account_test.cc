#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>

#include "common/status/status.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AccountTest : public ClientTest {
 protected:
  AccountTest() {
    client_.variables["HF_TOKEN_PATH"] = token_file().native();
    Answer([](FakeDaemon::Answers& answers) { answers.identity.set_name("mira"); });
  }

  std::filesystem::path token_file() const { return folder_ / "secrets/token"; }

  std::string Stored() const {
    std::ifstream file(token_file());
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(AccountTest, LoginStoresATokenThatTheHubAcceptsAndNeverShowsIt) {
  client_.console.Type("  hf_secret \n");

  const RunResult result = Run({"hf", "login", "--token-stdin"});

  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(Stored(), "hf_secret");
  EXPECT_EQ(daemon_.calls().token, "hf_secret");
  EXPECT_THAT(result.err, HasSubstr("logged in as mira"));
  EXPECT_THAT(result.out + result.err, Not(HasSubstr("hf_secret")));

  struct stat info {};

  ASSERT_EQ(::stat(token_file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(AccountTest, LoginAsksOnATerminal) {
  client_.console.is_terminal = true;
  client_.console.Type("hf_typed\n");

  EXPECT_EQ(Run({"hf", "login"}).code, 0);

  EXPECT_EQ(Stored(), "hf_typed");
}

TEST_F(AccountTest, OfflineNoTokenCanBeChecked) {
  client_.variables["HF_HUB_OFFLINE"] = "1";
  client_.variables["HF_TOKEN"] = "hf_secret";
  client_.console.Type("hf_secret\n");

  EXPECT_EQ(Run({"hf", "login", "--token-stdin"}).code, 10);

  EXPECT_EQ(Stored(), "");
  EXPECT_EQ(daemon_.calls().token, "");
}

TEST_F(AccountTest, LogoutPrintsADocument) {
  EXPECT_THAT(Run({"hf", "logout", "--format", "json"}).out, HasSubstr("\"removed\": false"));
}

TEST_F(AccountTest, LoginWithoutATerminalNamesTheFlag) {
  const RunResult result = Run({"hf", "login"});

  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("--token-stdin"));
}

TEST_F(AccountTest, LoginKeepsNoTokenThatTheHubRejects) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.errors["WhoAmI"] =
        MakeError(absl::StatusCode::kUnauthenticated, reason::kTokenRejected, "the hub rejects it");
  });
  client_.console.Type("hf_wrong\n");

  const RunResult result = Run({"hf", "login", "--token-stdin"});

  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.err, HasSubstr("the token was not stored"));
  EXPECT_FALSE(std::filesystem::exists(token_file()));
}

TEST_F(AccountTest, LoginWithNothingIsAUsageError) {
  client_.console.EndInput();

  EXPECT_EQ(Run({"hf", "login", "--token-stdin"}).code, 2);
}

TEST_F(AccountTest, WhoamiTellsWhereTheTokenCameFrom) {
  EXPECT_EQ(Run({"hf", "whoami"}).code, 5);
  client_.variables["HF_TOKEN"] = "hf_env";

  const auto document = nlohmann::json::parse(Run({"hf", "whoami", "--format", "json"}).out);

  EXPECT_EQ(document["name"], "mira");
  EXPECT_EQ(document["token"]["source"], "variable");
  EXPECT_EQ(document["token"]["location"], "HF_TOKEN");
  EXPECT_EQ(daemon_.calls().token, "hf_env");
}

TEST_F(AccountTest, LogoutRemovesTheFileAndWarnsOfAVariable) {
  client_.console.Type("hf_secret\n");
  Run({"hf", "login", "--token-stdin"});
  client_.variables["HF_TOKEN"] = "hf_env";

  const RunResult result = Run({"hf", "logout"});

  EXPECT_EQ(result.code, 0);
  EXPECT_FALSE(std::filesystem::exists(token_file()));
  EXPECT_THAT(result.err, HasSubstr("HF_TOKEN is set"));
  EXPECT_EQ(Run({"hf", "logout"}).code, 0) << "twice is fine";
}

}  // namespace
}  // namespace batuta::client
