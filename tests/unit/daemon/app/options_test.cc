#include "daemon/app/options.h"

#include <fstream>
#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::app {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() { variables_["HOME"] = (folder_ / "home").string(); }

  absl::StatusOr<Options> Resolve() {
    return ResolveOptions(command_line_, [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    });
  }

  // From here on `text` is the one config file.
  void Configure(const std::string& text) {
    command_line_.config_file = (folder_ / "config.toml").string();
    std::ofstream(command_line_.config_file) << text;
  }

  static std::string OriginOf(const Options& options, std::string_view key) {
    for (const service::ConfigEntry& entry : options.entries) {
      if (entry.key == key) return entry.origin;
    }
    return "no such setting";
  }

  TempFolder folder_;
  std::map<std::string, std::string, std::less<>> variables_;
  CommandLine command_line_;
};

TEST_F(OptionsTest, DefaultsFollowFromTheHomeFolderAlone) {
  Configure("");
  ASSERT_OK_AND_ASSIGN(const Options options, Resolve());
  const std::filesystem::path home = folder_ / "home";
  EXPECT_EQ(options.state_dir, home / ".local/state/batuta");
  EXPECT_EQ(options.socket, options.state_dir / "batutad.sock");
  EXPECT_EQ(options.cache_dir, home / ".cache/huggingface/hub");
  EXPECT_EQ(options.endpoint, "https://huggingface.co");
  EXPECT_EQ(options.budget.endpoint, options.endpoint);
  EXPECT_EQ(options.idle_timeout, 30min);
  EXPECT_FALSE(options.planner.offline);
  EXPECT_EQ(options.metadata_timeout, 10s);
  EXPECT_EQ(options.transfer.stall_timeout, 10s);
  EXPECT_GE(options.buffer_count, 2 * static_cast<size_t>(options.transfer.connections));
  for (const service::ConfigEntry& entry : options.entries) {
    EXPECT_EQ(entry.origin, "default") << entry.key;
    EXPECT_FALSE(entry.help.empty()) << entry.key;
  }
}

TEST_F(OptionsTest, ADaemonOfTheSystemLivesBelowRunAndVarWhoeverStartsIt) {
  variables_["XDG_CONFIG_HOME"] = (folder_ / "xdg").string();
  std::filesystem::create_directories(folder_ / "xdg" / "batuta");
  std::ofstream(folder_ / "xdg" / "batuta" / "config.toml") << "idle_timeout = \"1m\"\n";
  command_line_.mode = Mode::kSystem;
  ASSERT_OK_AND_ASSIGN(const Options options, Resolve());
  EXPECT_EQ(options.socket, "/run/batuta/batutad.sock");
  EXPECT_EQ(options.state_dir, "/var/lib/batuta");
  EXPECT_EQ(options.cache_dir, "/var/cache/batuta/hub");
  EXPECT_EQ(options.idle_timeout, 0ms);
}

TEST_F(OptionsTest, EnvironmentOfTheHuggingFaceToolsIsFollowed) {
  Configure("");
  variables_["HF_HUB_CACHE"] = "~/elsewhere";
  variables_["HF_ENDPOINT"] = "HTTP://Localhost:8000/";
  variables_["HF_HUB_OFFLINE"] = "1";
  variables_["HF_HUB_ETAG_TIMEOUT"] = "3";
  variables_["HF_HUB_DOWNLOAD_TIMEOUT"] = "25";
  variables_["SSL_CERT_FILE"] = "/etc/own.pem";
  ASSERT_OK_AND_ASSIGN(const Options options, Resolve());
  EXPECT_EQ(options.cache_dir, folder_ / "home" / "elsewhere");
  EXPECT_EQ(options.endpoint, "http://localhost:8000");
  EXPECT_TRUE(options.planner.offline);
  EXPECT_EQ(options.metadata_timeout, 3s);
  EXPECT_EQ(options.transfer.stall_timeout, 25s);
  EXPECT_EQ(options.curl.ca_file, "/etc/own.pem");
  EXPECT_EQ(OriginOf(options, "cache_dir"), "environment HF_HUB_CACHE");
}

TEST_F(OptionsTest, FlagBeatsEnvironmentBeatsFile) {
  Configure("endpoint = \"http://file:1\"\ncache_dir = \"/by/file\"\nidle_timeout = \"1h\"\n");
  variables_["HF_ENDPOINT"] = "http://environment:1";
  variables_["HF_HUB_CACHE"] = "/by/environment";
  command_line_.flags["--endpoint"] = "http://flag:1";
  ASSERT_OK_AND_ASSIGN(const Options options, Resolve());
  EXPECT_EQ(options.endpoint, "http://flag:1");
  EXPECT_EQ(options.cache_dir, "/by/environment");
  EXPECT_EQ(options.idle_timeout, 1h);
  EXPECT_EQ(OriginOf(options, "idle_timeout"), command_line_.config_file + ":3");
}

TEST_F(OptionsTest, FileOfTheUserIsFoundWhereXdgSays) {
  variables_["XDG_CONFIG_HOME"] = (folder_ / "xdg").string();
  std::filesystem::create_directories(folder_ / "xdg" / "batuta");
  std::ofstream(folder_ / "xdg" / "batuta" / "config.toml") << "idle_timeout = 0\n";
  ASSERT_OK_AND_ASSIGN(const Options options, Resolve());
  EXPECT_EQ(options.idle_timeout, 0ms);
  EXPECT_EQ(OriginOf(options, "idle_timeout"), (folder_ / "xdg/batuta/config.toml").string() + ":1");
}

TEST_F(OptionsTest, ConfigFileThatWasAskedForMustExist) {
  command_line_.config_file = (folder_ / "none.toml").string();
  EXPECT_THAT(Resolve(), AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr("none.toml"))));
}

TEST_F(OptionsTest, FlagMayBeRelativeAndIsMadeAbsolute) {
  Configure("");
  command_line_.flags["--cache-dir"] = "some/./where/";
  ASSERT_OK_AND_ASSIGN(const Options options, Resolve());
  EXPECT_EQ(options.cache_dir, std::filesystem::current_path() / "some" / "where");
}

TEST_F(OptionsTest, RelativePlaceOfTheEnvironmentOrAFileIsRefused) {
  for (const auto& [variable, key] : {std::pair{"BATUTA_SOCKET", "socket"},
                                      {"BATUTA_STATE_DIR", "state_dir"},
                                      {"HF_HUB_CACHE", "cache_dir"}}) {
    Configure("");
    variables_[variable] = "some/where";
    EXPECT_THAT(Resolve(), AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr(variable))));
    variables_.erase(variable);
    Configure(fmt::format("{} = \"some/where\"\n", key));
    EXPECT_THAT(Resolve(), AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr("config.toml:1"))));
  }
}

TEST_F(OptionsTest, EmptyPlaceIsRefused) {
  Configure("");
  command_line_.flags["--cache-dir"] = "";
  EXPECT_THAT(Resolve(), AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr("flag --cache-dir"))));
}

TEST_F(OptionsTest, PlacesGivenByFlagsNeedNoHomeFolder) {
  Configure("");
  variables_.clear();
  EXPECT_THAT(Resolve(), AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr("HOME"))));
  command_line_.flags = {{"--socket", "/run/x.sock"}, {"--state-dir", "/state"}, {"--cache-dir", "/cache"}};
  EXPECT_THAT(Resolve(), IsOk());
  command_line_.config_file.clear();  // and a user without a home has no config file
  EXPECT_THAT(Resolve(), IsOk());
}

TEST_F(OptionsTest, SocketFlagIsTheWayOutOfARuntimeFolderThatIsTooDeep) {
  Configure("");
  variables_["XDG_RUNTIME_DIR"] = "/" + std::string(120, 'd');
  EXPECT_THAT(Resolve(), AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr("XDG_RUNTIME_DIR"))));
  command_line_.flags["--socket"] = "/run/x.sock";
  EXPECT_THAT(Resolve(), IsOk());
}

TEST_F(OptionsTest, SocketPathThatDoesNotFitIsRefusedByItsOrigin) {
  Configure("");
  command_line_.flags["--socket"] = "/" + std::string(kMaxSocketPathBytes, 's');
  EXPECT_THAT(Resolve(), AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr("flag --socket"))));
  command_line_.flags["--socket"] = "/" + std::string(kMaxSocketPathBytes - 1, 's');
  EXPECT_THAT(Resolve(), IsOk());
}

TEST_F(OptionsTest, QuotasAreThoseOfThePlanUnlessTheyAreNamed) {
  EXPECT_EQ(Resolve()->budget.authenticated.api, 1'000u);
  Configure("[hub]\nplan = \"pro\"\nquota_api = 2000");
  const absl::StatusOr<Options> options = Resolve();
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->budget.authenticated.api, 2'000u);
  EXPECT_EQ(options->budget.authenticated.resolvers, 12'000u);
  EXPECT_EQ(options->budget.authenticated.pages, 400u);
  EXPECT_EQ(options->budget.anonymous.api, 500u);
}

TEST_F(OptionsTest, BadValuesNameKeyValueAndOrigin) {
  const std::pair<std::string, std::string> cases[] = {
      {"endpoint = \"ftp://x\"", "config.toml:1"},
      {"endpoint = \"https://user:secret@x\"", "config.toml:1"},
      {"idle_timeout = \"soon\"", "idle_timeout = \"soon\""},
      {"[log]\nlevel = \"loud\"", "log.level = \"loud\""},
      {"[log]\njournal = \"loud\"", "log.journal = \"loud\""},
      {"offline = \"perhaps\"", "offline = \"perhaps\""},
      {"[hub]\nmetadata_timeout = 0", "hub.metadata_timeout = \"0\""},
      {"[hub]\nquota_api = 0", "hub.quota_api = \"0\""},
      {"[hub]\nplan = \"gold\"", "hub.plan = \"gold\""},
      {"[hub]\nwindow = 0", "hub.window = \"0\""},
      {"[transfer]\nconnections = 0", "transfer.connections = \"0\""},
      {"[transfer]\nconnections = 1000", "transfer.connections = \"1000\""},
      {"[transfer]\nstall_timeout = 0", "transfer.stall_timeout = \"0\""},
      {"[transfer]\nbuffers = 63", "transfer.buffers = \"63\""},
      {"[disk]\nthreads = -1", "disk.threads = \"-1\""},
      {"[cache]\nmin_free = \"much\"", "cache.min_free = \"much\""},
      {"[cache]\nmax_size = \"all\"", "cache.max_size = \"all\""},
      {"[cache]\nhigh_water = 70\nlow_water = 80", "cache.low_water = \"80\""},
  };
  for (const auto& [text, message] : cases) {
    Configure(text);
    const absl::StatusOr<Options> options = Resolve();
    EXPECT_THAT(options,
                AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason(reason::kConfigInvalid),
                      HasMessage(AllOf(HasSubstr(message), HasSubstr("config.toml:")))))
        << text;
    EXPECT_THAT(options, HasMessage(testing::Not(HasSubstr("secret")))) << text;
  }
}

TEST_F(OptionsTest, ValueThatIsNotUtf8OrHoldsAControlIsRefused) {
  Configure("");
  for (const std::string bad : {"/caf\xe9", "/a\nb", "/a\x1b[2J"}) {
    variables_["HF_HUB_CACHE"] = bad;
    EXPECT_THAT(Resolve(),
                AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr("environment HF_HUB_CACHE"))));
  }
}

TEST_F(OptionsTest, BuffersFollowTheConnectionsUntilSomebodySaysOtherwise) {
  Configure("[transfer]\nconnections = 256\n");
  ASSERT_OK_AND_ASSIGN(const Options many, Resolve());
  EXPECT_EQ(many.buffer_count, 768);
  EXPECT_GT(many.curl.max_connections, 256);
  Configure("[transfer]\nconnections = 2\nbuffers = 4\n");
  ASSERT_OK_AND_ASSIGN(const Options few, Resolve());
  EXPECT_EQ(few.buffer_count, 4);
}

class CommandLineTest : public testing::Test {
 protected:
  CommandLine Parse(std::vector<std::string> words) {
    words.insert(words.begin(), "batutad");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const CommandLine result = ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return result;
  }

  std::string out_;
  std::string err_;
};

TEST_F(CommandLineTest, OnlyFlagsThatWereGivenCount) {
  const CommandLine line = Parse({"--cache-dir", "/c", "--config", "/f", "--foreground"});
  EXPECT_FALSE(line.is_done);
  EXPECT_THAT(line.flags, ElementsAre(Pair("--cache-dir", "/c")));
  EXPECT_EQ(line.config_file, "/f");
  EXPECT_FALSE(line.print_config);
  EXPECT_TRUE(Parse({"--print-config"}).print_config);
}

TEST_F(CommandLineTest, VersionAndHelpGoToStdoutAndEnd) {
  const CommandLine version = Parse({"--version"});
  EXPECT_TRUE(version.is_done);
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(out_, HasSubstr("batutad "));
  EXPECT_TRUE(Parse({"--help"}).is_done);
  EXPECT_THAT(out_, AllOf(HasSubstr("Examples:"), HasSubstr("--socket")));
}

TEST_F(CommandLineTest, MisuseExits2AndSaysWhatOnStderr) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--sockett", "/x"}, {"--socket"}, {"start"}, {"--socket", "/a", "/b"}}) {
    const CommandLine line = Parse(words);
    EXPECT_TRUE(line.is_done);
    EXPECT_EQ(line.exit_code, 2);
    EXPECT_FALSE(err_.empty());
    EXPECT_TRUE(out_.empty());
  }
}

}  // namespace

}  // namespace batuta::app
