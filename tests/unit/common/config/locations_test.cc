#include "common/config/locations.h"

#include <functional>
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using Path = std::filesystem::path;
using Variables = std::map<std::string, std::string, std::less<>>;
using ::testing::HasSubstr;

Environment Of(Variables variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

Path At(std::string_view text) {
  return Path(text);
}

TEST(SocketPathTest, TakesTheFirstPlaceThatIsKnown) {
  struct {
    Variables variables;
    std::string_view path;
  } const cases[] = {
      {{{"BATUTA_SOCKET", "/x/y.sock"}, {"XDG_RUNTIME_DIR", "/run/user/7"}}, "/x/y.sock"},
      {{{"XDG_RUNTIME_DIR", "/run/user/7"}, {"HOME", "/h"}}, "/run/user/7/batuta/batutad.sock"},
      {{{"XDG_STATE_HOME", "/s"}, {"HOME", "/h"}}, "/s/batuta/batutad.sock"},
      {{{"HOME", "/h"}}, "/h/.local/state/batuta/batutad.sock"},
      {{{"BATUTA_SOCKET", ""}, {"XDG_RUNTIME_DIR", ""}, {"HOME", "/h"}},
       "/h/.local/state/batuta/batutad.sock"},
      {{{"XDG_RUNTIME_DIR", "relative"}, {"HOME", "/h"}}, "/h/.local/state/batuta/batutad.sock"},
  };

  for (const auto& expected : cases)
    EXPECT_THAT(SocketPath(Of(expected.variables)), IsOkAndHolds(At(expected.path)));
}

TEST(SocketPathTest, InSystemModeLiesInRun) {
  EXPECT_THAT(SocketPath(Of({}), Mode::kSystem), IsOkAndHolds(SystemSocketPath()));
  EXPECT_THAT(SocketPath(Of({{"BATUTA_SOCKET", "/x"}}), Mode::kSystem), IsOkAndHolds(At("/x")));
  EXPECT_EQ(SystemSocketPath(), "/run/batuta/batutad.sock");
}

TEST(SocketPathTest, TooLongIsAnErrorThatNamesTheWayOut) {
  const std::string longest = "/" + std::string(106, 'x');
  EXPECT_THAT(SocketPath(Of({{"BATUTA_SOCKET", longest}})), IsOkAndHolds(At(longest)));
  const Variables too_long[] = {{{"BATUTA_SOCKET", longest + "x"}},
                                {{"XDG_RUNTIME_DIR", "/" + std::string(90, 'x')}},
                                {{"HOME", "/" + std::string(90, 'x')}}};
  for (const Variables& variables : too_long) {
    const auto path = SocketPath(Of(variables));
    EXPECT_THAT(path, HasReason("CONFIG_INVALID"));
    EXPECT_THAT(path, HasMessage(HasSubstr("107")));
    EXPECT_THAT(HintOf(path.status()), HasSubstr("BATUTA_SOCKET"));
  }
}

TEST(SocketPathTest, MustBeAbsolute) {
  EXPECT_THAT(SocketPath(Of({{"BATUTA_SOCKET", "batutad.sock"}})), HasReason("CONFIG_INVALID"));
}

TEST(HomeTest, MissingOrRelativeIsAnErrorThatSaysSo) {
  for (const Variables& variables : {Variables{}, Variables{{"HOME", ""}}, Variables{{"HOME", "h"}}}) {
    for (const auto& place : {SocketPath(Of(variables)), StateDir(Of(variables)), CacheDir(Of(variables)),
                              HfHome(Of(variables)), UserConfigFile(Of(variables))}) {
      EXPECT_THAT(place, HasReason("CONFIG_INVALID"));
      EXPECT_THAT(place, HasMessage(HasSubstr("HOME")));
    }
  }
}

TEST(StateDirTest, FollowsXdgAndTheMode) {
  EXPECT_THAT(StateDir(Of({{"XDG_STATE_HOME", "/s"}})), IsOkAndHolds(At("/s/batuta")));
  EXPECT_THAT(StateDir(Of({{"HOME", "/h"}})), IsOkAndHolds(At("/h/.local/state/batuta")));
  EXPECT_THAT(StateDir(Of({}), Mode::kSystem), IsOkAndHolds(At("/var/lib/batuta")));
}

TEST(CacheDirTest, TakesTheVariablesInThePythonOrder) {
  struct {
    Variables variables;
    std::string_view path;
  } const cases[] = {
      {{{"HF_HUB_CACHE", "/a"}, {"HUGGINGFACE_HUB_CACHE", "/b"}, {"HF_HOME", "/c"}, {"HOME", "/h"}}, "/a"},
      {{{"HUGGINGFACE_HUB_CACHE", "/b"}, {"HF_HOME", "/c"}, {"HOME", "/h"}}, "/b"},
      {{{"HF_HOME", "/c"}, {"XDG_CACHE_HOME", "/d"}, {"HOME", "/h"}}, "/c/hub"},
      {{{"XDG_CACHE_HOME", "/d"}, {"HOME", "/h"}}, "/d/huggingface/hub"},
      {{{"HOME", "/h"}}, "/h/.cache/huggingface/hub"},
      {{{"HF_HUB_CACHE", ""}, {"HOME", "/h"}}, "/h/.cache/huggingface/hub"},
      {{{"HF_HUB_CACHE", "~/models"}, {"HOME", "/h"}}, "/h/models"},
      {{{"HF_HUB_CACHE", "$DATA/${SUB}/x"}, {"DATA", "/data"}, {"SUB", "s"}}, "/data/s/x"},
      {{{"HF_HOME", "~"}, {"HOME", "/h"}}, "/h/hub"},
      {{{"HF_HUB_CACHE", "/a/../b/./c"}}, "/b/c"},
  };

  for (const auto& expected : cases)
    EXPECT_THAT(CacheDir(Of(expected.variables)), IsOkAndHolds(At(expected.path)));
}

TEST(CacheDirTest, ARelativePathIsRefused) {
  for (const std::string value : {"cache", "./cache", "$UNSET/x", "~other/x"}) {
    const auto path = CacheDir(Of({{"HF_HUB_CACHE", value}, {"HOME", "/h"}}));
    EXPECT_THAT(path, HasReason("CONFIG_INVALID")) << value;
    EXPECT_THAT(path, HasMessage(HasSubstr("HF_HUB_CACHE"))) << value;
  }
}

TEST(CacheDirTest, InSystemModeLiesInVar) {
  EXPECT_THAT(CacheDir(Of({{"HOME", "/h"}}), Mode::kSystem), IsOkAndHolds(At("/var/cache/batuta/hub")));
  EXPECT_THAT(CacheDir(Of({{"HF_HUB_CACHE", "/a"}}), Mode::kSystem), IsOkAndHolds(At("/a")));
}

TEST(ConfigFileTest, FollowsXdg) {
  EXPECT_THAT(UserConfigFile(Of({{"XDG_CONFIG_HOME", "/c"}})), IsOkAndHolds(At("/c/batuta/config.toml")));
  EXPECT_THAT(UserConfigFile(Of({{"HOME", "/h"}})), IsOkAndHolds(At("/h/.config/batuta/config.toml")));
  EXPECT_EQ(SystemConfigFile(), "/etc/batuta/config.toml");
}

TEST(EndpointTest, IsNormalised) {
  struct {
    std::string_view value, endpoint;
  } const cases[] = {{"", "https://huggingface.co"},
                     {"https://hf.co/", "https://hf.co"},
                     {"HTTP://LocalHost:8080///", "http://localhost:8080"},
                     {"https://mirror.example:443/hf/", "https://mirror.example/hf"},
                     {"http://[::1]:3000", "http://[::1]:3000"}};

  for (const auto& expected : cases) {
    EXPECT_THAT(Endpoint(Of({{"HF_ENDPOINT", std::string(expected.value)}})),
                IsOkAndHolds(std::string(expected.endpoint)));
  }
  EXPECT_THAT(Endpoint(Of({})), IsOkAndHolds(std::string(kDefaultEndpoint)));
}

TEST(EndpointTest, ABadOneIsRefusedByName) {
  for (const std::string value :
       {"huggingface.co", "ftp://x", "https://", "https://u:p@h", "https://h/?q=1", "x y"}) {
    const auto endpoint = Endpoint(Of({{"HF_ENDPOINT", value}}));
    EXPECT_THAT(endpoint, HasReason("CONFIG_INVALID")) << value;
    EXPECT_THAT(endpoint, HasMessage(HasSubstr("HF_ENDPOINT"))) << value;
  }
}

TEST(IsTrueTest, ReadsThePythonWords) {
  for (const std::string_view value : {"1", "on", "ON", "Yes", "true", "TRUE"})
    EXPECT_TRUE(IsTrue(value)) << value;
  for (const std::string_view value : {"", "0", "off", "no", "false", "2", "y", "true ", "tru"}) {
    EXPECT_FALSE(IsTrue(value)) << value;
  }
  EXPECT_FALSE(IsTrue(std::optional<std::string>()));
}

TEST(IsOfflineTest, HasTwoVariables) {
  EXPECT_FALSE(IsOffline(Of({})));
  EXPECT_TRUE(IsOffline(Of({{"HF_HUB_OFFLINE", "1"}})));
  EXPECT_TRUE(IsOffline(Of({{"TRANSFORMERS_OFFLINE", "yes"}})));
  EXPECT_FALSE(IsOffline(Of({{"HF_HUB_OFFLINE", "0"}})));
}

TEST(ExpandPathTest, ExpandsLikeThePythonLibrary) {
  const Environment environment = Of({{"HOME", "/h"}, {"A", "1"}, {"AB", "2"}, {"EMPTY", ""}});

  struct {
    std::string_view path, expanded;
  } const cases[] = {{"~", "/h"},
                     {"~/x", "/h/x"},
                     {"~x", "~x"},
                     {"a/~", "a/~"},
                     {"$A", "1"},
                     {"$AB/$A", "2/1"},
                     {"${A}B", "1B"},
                     {"$NONE/x", "$NONE/x"},
                     {"${NONE}", "${NONE}"},
                     {"$", "$"},
                     {"$$A", "$1"},
                     {"${", "${"},
                     {"${A", "${A"},
                     {"${}", "${}"},
                     {"x$EMPTY-y", "x-y"},
                     {"$-A", "$-A"},
                     {"", ""}};

  for (const auto& expected : cases)
    EXPECT_EQ(ExpandPath(environment, expected.path), expected.expanded) << expected.path;
}

TEST(ProcessEnvironmentTest, AnswersForThisProcess) {
  EXPECT_TRUE(ProcessEnvironment()("PATH").has_value());
  EXPECT_EQ(ProcessEnvironment()("BATUTA_TEST_VARIABLE_THAT_IS_NOT_SET"), std::nullopt);
}

}  // namespace
}  // namespace batuta
