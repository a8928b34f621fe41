#include "daemon/app/settings.h"

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::app {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::AllOf;
using testing::Eq;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;

const std::vector<Setting> kSettings{
    {"place", "--place", {"BATUTA_PLACE", "OLD_PLACE"}, "/default", "Where."},
    {"eager", "", {"BATUTA_EAGER"}, "false", "Whether."},
    {"net.lanes", "--lanes", {}, "4", "How many."},
    {"net.pause", "", {}, "1m", "How long."},
    {"net.size", "", {}, "2MB", "How large."},
};

Environment Variables(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

ConfigFile FileWith(const std::string& path, const std::string& key, const std::string& value) {
  return {.path = path, .values = {{key, {value, path + ":1"}}}};
}

auto Is(const std::string& value, const std::string& origin) {
  return AllOf(Field(&Sourced::value, value), Field(&Sourced::origin, origin));
}

// One value, as every other source would have it too.
Settings With(std::string_view key, const std::string& value) {
  return {kSettings, {}, Variables({}), {FileWith("/etc/x.toml", std::string(key), value)}};
}

TEST(SettingsTest, StrongestSourceWinsAndIsNamed) {
  const ConfigFile user = FileWith("/user.toml", "place", "/by-user");
  const ConfigFile system = FileWith("/system.toml", "place", "/by-system");
  const Environment both = Variables({{"BATUTA_PLACE", "/by-new"}, {"OLD_PLACE", "/by-old"}});
  const FlagValues flag{{"--place", "/by-flag"}};

  EXPECT_THAT(Settings(kSettings, flag, both, {user, system}).Get("place"), Is("/by-flag", "flag --place"));
  EXPECT_THAT(Settings(kSettings, {}, both, {user, system}).Get("place"),
              Is("/by-new", "environment BATUTA_PLACE"));
  EXPECT_THAT(Settings(kSettings, {}, Variables({{"OLD_PLACE", "/by-old"}}), {user, system}).Get("place"),
              Is("/by-old", "environment OLD_PLACE"));
  EXPECT_THAT(Settings(kSettings, {}, Variables({}), {user, system}).Get("place"),
              Is("/by-user", "/user.toml:1"));
  EXPECT_THAT(Settings(kSettings, {}, Variables({}), {system}).Get("place"),
              Is("/by-system", "/system.toml:1"));
  EXPECT_THAT(Settings(kSettings, {}, Variables({}), {}).Get("place"), Is("/default", "default"));
}

TEST(SettingsTest, EmptyVariableCountsAsUnsetButAnEmptyFlagDoesNot) {
  EXPECT_THAT(Settings(kSettings, {}, Variables({{"BATUTA_PLACE", ""}}), {}).Get("place"),
              Is("/default", "default"));
  EXPECT_THAT(Settings(kSettings, {{"--place", ""}}, Variables({}), {}).Get("place"), Is("", "flag --place"));
}

TEST(SettingsTest, SettingWithoutAFlagIsNotTakenFromAFlagWithoutAName) {
  EXPECT_THAT(Settings(kSettings, {{"", "true"}}, Variables({}), {}).Get("eager"), Is("false", "default"));
}

TEST(SettingsTest, BooleanVariableIsReadAsTheHuggingFaceToolsDo) {
  for (const std::string yes : {"1", "ON", "yes", "True"}) {
    EXPECT_THAT(Settings(kSettings, {}, Variables({{"BATUTA_EAGER", yes}}), {}).Flag("eager"),
                IsOkAndHolds(true))
        << yes;
  }
  for (const std::string no : {"0", "off", "2", "enabled"}) {
    EXPECT_THAT(Settings(kSettings, {}, Variables({{"BATUTA_EAGER", no}}), {}).Flag("eager"),
                IsOkAndHolds(false))
        << no;
  }
}

TEST(SettingsTest, CountTakesWholeNumbersWithinItsBounds) {
  EXPECT_THAT(With("net.lanes", "1").Count("net.lanes", 1, 64), IsOkAndHolds(1));
  EXPECT_THAT(With("net.lanes", "64").Count("net.lanes", 1, 64), IsOkAndHolds(64));
  for (const std::string bad : {"0", "65", "-1", "", "x", "3x", "3.5", " 3", "+3", "0x3", "99999999999999"}) {
    const auto lanes = With("net.lanes", bad).Count("net.lanes", 1, 64);
    EXPECT_THAT(lanes, AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasReason(reason::kConfigInvalid),
                             HasMessage(AllOf(HasSubstr("net.lanes"), HasSubstr("/etc/x.toml:1"),
                                              HasSubstr("from 1 to 64")))))
        << bad;
  }
}

TEST(SettingsTest, BytesTakesSizes) {
  EXPECT_THAT(With("net.size", "2GiB").Bytes("net.size"), IsOkAndHolds(uint64_t{2} << 30));
  EXPECT_THAT(With("net.size", "0").Bytes("net.size"), IsOkAndHolds(uint64_t{0}));
  for (const std::string bad : {"", "big", "-1", "1 XB", "99999999999999999999"}) {
    EXPECT_THAT(With("net.size", bad).Bytes("net.size"), HasReason(reason::kConfigInvalid)) << bad;
  }
}

TEST(SettingsTest, DurationTakesDurationsWithinBoundsThatAClockCanHold) {
  EXPECT_THAT(With("net.pause", "250ms").Duration("net.pause"), IsOkAndHolds(250ms));
  EXPECT_THAT(With("net.pause", "90").Duration("net.pause"), IsOkAndHolds(90s));
  EXPECT_THAT(With("net.pause", "0").Duration("net.pause"), IsOkAndHolds(0ms));
  EXPECT_THAT(With("net.pause", "0").Duration("net.pause", 1s), HasReason(reason::kConfigInvalid));
  for (const std::string bad : {"", "soon", "-5s", "366d", "9223372036854775807ms"}) {
    EXPECT_THAT(With("net.pause", bad).Duration("net.pause"), HasReason(reason::kConfigInvalid)) << bad;
  }
}

TEST(SettingsTest, FlagTakesTrueAndFalseOnly) {
  EXPECT_THAT(With("eager", "true").Flag("eager"), IsOkAndHolds(true));
  EXPECT_THAT(With("eager", "false").Flag("eager"), IsOkAndHolds(false));
  for (const std::string bad : {"", "1", "yes", "TRUE"}) {
    EXPECT_THAT(With("eager", bad).Flag("eager"), HasReason(reason::kConfigInvalid)) << bad;
  }
}

TEST(SettingsTest, BadValueIsShownSafely) {
  EXPECT_THAT(With("eager", "\x1b[2J").Flag("eager"),
              HasMessage(AllOf(Not(HasSubstr("\x1b")), HasSubstr("\\x1b"))));
}

TEST(SettingsTest, EntriesAreAllSettingsInOrderOfDeclaration) {
  const auto entries = Settings(kSettings, {{"--lanes", "9"}}, Variables({}), {}).Entries();
  ASSERT_EQ(entries.size(), kSettings.size());
  EXPECT_EQ(entries[0].key, "place");
  EXPECT_EQ(entries[2].key, "net.lanes");
  EXPECT_EQ(entries[2].value, "9");
  EXPECT_EQ(entries[2].origin, "flag --lanes");
  EXPECT_EQ(entries[2].help, "How many.");
}

class ConfigFileTest : public testing::Test {
 protected:
  absl::StatusOr<std::optional<ConfigFile>> Read(const std::string& text) {
    std::ofstream(folder_ / "config.toml") << text;
    return ReadConfigFile(path_, kSettings);
  }

  TempFolder folder_;
  const std::string path_ = (folder_ / "config.toml").string();
};

TEST_F(ConfigFileTest, TablesBecomeDottedKeysAndEachValueKnowsItsLine) {
  ASSERT_OK_AND_ASSIGN(const std::optional<ConfigFile> file,
                       Read("place = \"/data\"\neager = true\n\n[net]\nlanes = 9\npause = \"5s\"\n"));
  ASSERT_TRUE(file.has_value());
  EXPECT_THAT(file->values.at("place"), Is("/data", path_ + ":1"));
  EXPECT_THAT(file->values.at("eager"), Is("true", path_ + ":2"));
  EXPECT_THAT(file->values.at("net.lanes"), Is("9", path_ + ":5"));
  EXPECT_THAT(file->values.at("net.pause"), Is("5s", path_ + ":6"));
}

TEST_F(ConfigFileTest, DottedKeysAndEmptyFilesAreFine) {
  ASSERT_OK_AND_ASSIGN(const std::optional<ConfigFile> file, Read("net.lanes = 2\n"));
  EXPECT_THAT(file->values.at("net.lanes"), Is("2", path_ + ":1"));
  EXPECT_THAT(Read(""), IsOkAndHolds(Optional(Field(&ConfigFile::values, testing::IsEmpty()))));
}

TEST_F(ConfigFileTest, WhatIsNoSettingIsRefusedWithFileAndLine) {
  const std::pair<std::string, std::string> cases[] = {
      {"\nlains = 3\n", ":2: there is no setting \"lains\""},
      {"[net]\nlains = 3\n", ":2: there is no setting \"net.lains\""},
      {"[nett]\nlanes = 3\n", ":1: there is no setting \"nett\""},
      {"\n\n[empty]\n", ":3: there is no setting \"empty\""},
      {"[place]\nx = 1\n", ":1: place must be a text, a whole number or a boolean"},
      {"net = 3\n", ":1: there is no setting \"net\""},
      {"\"\\u001B[2J\" = 1\n", ":1: there is no setting \"\\x1b[2J\""},
      {"[net]\nlanes = 3.5\n", ":2: net.lanes must be a text, a whole number or a boolean"},
      {"place = [\"/a\"]\n", ":1: place must be a text, a whole number or a boolean"},
      {"eager = 2026-01-01\n", ":1: eager must be a text, a whole number or a boolean"},
      {"\"net.lanes\" = 1\n[net]\nlanes = 2\n", "net.lanes stands at"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(Read(text), AllOf(HasReason(reason::kConfigInvalid),
                                  HasMessage(AllOf(HasSubstr(path_), HasSubstr(message)))))
        << text;
  }
}

TEST_F(ConfigFileTest, SyntaxErrorNamesFileAndLine) {
  for (const std::string text :
       {"\n\nplace = \n", "\n\n[net\n", "\n\nplace = \"/a\" x\n", "\n\nplace = \"\xff\"\n"}) {
    EXPECT_THAT(Read(text), AllOf(HasReason(reason::kConfigInvalid), HasMessage(HasSubstr(path_ + ":3: "))))
        << text;
  }
}

TEST_F(ConfigFileTest, FileThatIsNotThereIsNone) {
  EXPECT_THAT(ReadConfigFile(path_, kSettings), IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(ConfigFileTest, WhatCannotBeReadIsAnErrorNotAnEmptyFile) {
  EXPECT_THAT(ReadConfigFile(folder_.path().string(), kSettings), HasReason(reason::kConfigInvalid));
  EXPECT_THAT(Read(std::string((1 << 20) + 1, '\n')), HasReason(reason::kConfigInvalid));
}

}  // namespace

}  // namespace batuta::app
