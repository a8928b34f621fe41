#include "common/config/hub_token.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HubTokenTest : public ::testing::Test {
 protected:
  HubTokenTest() { variables_["HOME"] = folder_.path(); }

  Environment environment() const {
    return [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
  }

  std::filesystem::path default_file() const { return folder_ / ".cache/huggingface/token"; }

  static void Write(const std::filesystem::path& path, std::string_view content) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }

  static std::string Read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  static mode_t ModeOf(const std::filesystem::path& path) {
    struct stat stat {};

    EXPECT_EQ(::stat(path.c_str(), &stat), 0) << path;
    return stat.st_mode & 0777;
  }

  const TempFolder folder_;
  std::map<std::string, std::string, std::less<>> variables_;
};

TEST_F(HubTokenTest, NoneIsNoError) {
  ASSERT_OK_AND_ASSIGN(const HubToken found, FindHubToken(environment()));
  EXPECT_TRUE(found.token.empty());
  EXPECT_EQ(found.source, HubToken::Source::kNone);
  EXPECT_EQ(found.location, "");
}

TEST_F(HubTokenTest, ThePlacesAreAskedInOrder) {
  Write(default_file(), "hf_file\n");
  ASSERT_OK_AND_ASSIGN(const HubToken file, FindHubToken(environment()));
  EXPECT_EQ(file.token.Reveal(), "hf_file");
  EXPECT_EQ(file.source, HubToken::Source::kFile);
  EXPECT_EQ(file.location, default_file());

  variables_["HF_TOKEN_PATH"] = "~/other/token";
  Write(folder_ / "other/token", " \t hf_other \r\n");
  ASSERT_OK_AND_ASSIGN(const HubToken other, FindHubToken(environment()));
  EXPECT_EQ(other.token.Reveal(), "hf_other");
  EXPECT_EQ(other.location, folder_ / "other/token");

  variables_["HUGGING_FACE_HUB_TOKEN"] = "hf_old";
  ASSERT_OK_AND_ASSIGN(const HubToken old, FindHubToken(environment()));
  EXPECT_EQ(old.token.Reveal(), "hf_old");
  EXPECT_EQ(old.source, HubToken::Source::kVariable);
  EXPECT_EQ(old.location, "HUGGING_FACE_HUB_TOKEN");

  variables_["HF_TOKEN"] = "  hf_new\n";
  ASSERT_OK_AND_ASSIGN(const HubToken token, FindHubToken(environment()));
  EXPECT_EQ(token.token.Reveal(), "hf_new");
  EXPECT_EQ(token.location, "HF_TOKEN");

  variables_["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1";
  ASSERT_OK_AND_ASSIGN(const HubToken none, FindHubToken(environment()));
  EXPECT_TRUE(none.token.empty());
}

TEST_F(HubTokenTest, WhatIsBlankIsPassedOver) {
  variables_["HF_TOKEN"] = " \n";
  Write(default_file(), "\n\n");
  ASSERT_OK_AND_ASSIGN(const HubToken none, FindHubToken(environment()));
  EXPECT_EQ(none.source, HubToken::Source::kNone);
  Write(default_file(), "hf_file");
  ASSERT_OK_AND_ASSIGN(const HubToken file, FindHubToken(environment()));
  EXPECT_EQ(file.source, HubToken::Source::kFile);
}

TEST_F(HubTokenTest, HfHomeMovesTheFile) {
  variables_["HF_HOME"] = folder_ / "hf";
  EXPECT_THAT(HubTokenFile(environment()), IsOkAndHolds(folder_ / "hf/token"));
  variables_["HF_TOKEN_PATH"] = "relative/token";
  EXPECT_THAT(HubTokenFile(environment()), HasReason("CONFIG_INVALID"));
}

TEST_F(HubTokenTest, AMalformedTokenIsRefusedWithoutShowingIt) {
  for (const std::string& bad :
       {std::string("hf_canary\r\nX-Evil: 1"), std::string("hf_canary two"), std::string("hf_canary\xc3\xa9"),
        std::string("hf_canary\x01"), "hf_canary" + std::string(5'000, 'x'),
        "hf_canary" + std::string(5'000'000, 'x')}) {
    variables_["HF_TOKEN"] = bad;
    const auto variable = FindHubToken(environment());
    EXPECT_THAT(variable, HasReason("CONFIG_INVALID"));
    EXPECT_THAT(variable, HasMessage(HasSubstr("HF_TOKEN")));
    EXPECT_THAT(variable, HasMessage(Not(HasSubstr("canary"))));

    variables_.erase("HF_TOKEN");
    Write(default_file(), bad);
    const auto file = FindHubToken(environment());
    EXPECT_THAT(file, HasReason("CONFIG_INVALID"));
    EXPECT_THAT(file, HasMessage(Not(HasSubstr("canary"))));
  }
}

TEST_F(HubTokenTest, AFileThatCannotBeReadIsAnError) {
  std::filesystem::create_directories(default_file());  // a folder in its place
  EXPECT_THAT(FindHubToken(environment()), HasReason("STORAGE_FAILED"));
}

TEST_F(HubTokenTest, IsStoredForItsOwnerAlone) {
  const mode_t before = ::umask(0);
  const absl::Status stored = StoreHubToken(environment(), Secret("  hf_new\n"));
  ::umask(before);
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(Read(default_file()), "hf_new");
  EXPECT_EQ(ModeOf(default_file()), 0600u);
  EXPECT_EQ(ModeOf(default_file().parent_path()), 0700u);
  ASSERT_OK_AND_ASSIGN(const HubToken found, FindHubToken(environment()));
  EXPECT_EQ(found.token.Reveal(), "hf_new");
}

TEST_F(HubTokenTest, StoringReplacesAndTightensAnOldFile) {
  Write(default_file(), "hf_old");
  std::filesystem::permissions(default_file(), std::filesystem::perms(0644));
  ASSERT_THAT(StoreHubToken(environment(), Secret("hf_new")), IsOk());
  EXPECT_EQ(Read(default_file()), "hf_new");
  EXPECT_EQ(ModeOf(default_file()), 0600u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(default_file().parent_path()), {}), 1)
      << "no temp file";
}

TEST_F(HubTokenTest, StoringRefusesWhatIsNoToken) {
  for (const std::string& bad : {std::string(), std::string(" \n"), std::string("hf_canary x")}) {
    const absl::Status status = StoreHubToken(environment(), Secret(bad));
    EXPECT_THAT(status, HasReason("CONFIG_INVALID"));
    EXPECT_THAT(status, HasMessage(Not(HasSubstr("canary"))));
  }
  EXPECT_FALSE(std::filesystem::exists(default_file()));
}

TEST_F(HubTokenTest, StoringWhereAFileIsInTheWayFailsClearly) {
  Write(folder_ / ".cache", "a file");
  const absl::Status status = StoreHubToken(environment(), Secret("hf_canary"));
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status, HasMessage(HasSubstr(".cache")));
  EXPECT_THAT(status, HasMessage(Not(HasSubstr("canary"))));
}

TEST_F(HubTokenTest, IsRemoved) {
  EXPECT_THAT(RemoveHubToken(environment()), IsOkAndHolds(false));
  ASSERT_THAT(StoreHubToken(environment(), Secret("hf_new")), IsOk());
  EXPECT_THAT(RemoveHubToken(environment()), IsOkAndHolds(true));
  EXPECT_FALSE(std::filesystem::exists(default_file()));
  EXPECT_THAT(RemoveHubToken(environment()), IsOkAndHolds(false));
}

}  // namespace
}  // namespace batuta
