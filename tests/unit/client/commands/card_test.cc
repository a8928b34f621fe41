#include <filesystem>
#include <string>

#include "common/status/status.h"
#include "tests/unit/client/commands/client_test.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;

class CardTest : public ClientTest {
 protected:
  CardTest() {
    std::filesystem::create_directories(folder_ / "models/otter");
    std::filesystem::create_directory_symlink(folder_ / "models", folder_ / "link");
    Answer([](FakeDaemon::Answers& answers) {
      answers.card.set_card("completed");
      answers.card.set_readme("# Otter\n");
      answers.card.set_diff("+license: mit\n");
      answers.card.add_sources("LICENSE: license");
    });
  }

  std::string Folder() const { return (folder_ / "models/otter").native(); }
};

TEST_F(CardTest, AsksForTheFolderItself) {
  EXPECT_EQ(Run({"hf", "card", (folder_ / "link/otter").native(), "--repo", "acme/otter"}).code, 0);

  const auto cards = daemon_.calls().cards;
  ASSERT_EQ(cards.size(), 1u);
  EXPECT_EQ(cards[0].path(), std::filesystem::canonical(Folder()).native());
  EXPECT_EQ(cards[0].repo().id(), "acme/otter");
  EXPECT_EQ(cards[0].repo().type(), v1::REPO_TYPE_MODEL);
}

TEST_F(CardTest, WithoutARepoTheDaemonChoosesItsName) {
  Run({"hf", "card", Folder()});
  ASSERT_EQ(daemon_.calls().cards.size(), 1u);
  EXPECT_FALSE(daemon_.calls().cards[0].has_repo());
}

TEST_F(CardTest, ShowsTheTextOrWhatChangesInIt) {
  EXPECT_EQ(Run({"hf", "card", Folder()}).out, "# Otter\n");
  EXPECT_EQ(Run({"hf", "card", Folder(), "--diff"}).out, "+license: mit\n");
  EXPECT_EQ(Run({"hf", "card", Folder(), "--format", "quiet"}).out, "completed\n");
  EXPECT_THAT(Run({"hf", "card", Folder()}).err, HasSubstr("LICENSE: license"));
}

TEST_F(CardTest, AWrongNameOrFolderIsNotAskedAbout) {
  EXPECT_EQ(Run({"hf", "card", Folder(), "--repo", "a/b/c"}).code, 2);
  EXPECT_EQ(Run({"hf", "card", (folder_ / "nowhere").native()}).code, 4);
  EXPECT_TRUE(daemon_.calls().cards.empty());
}

TEST_F(CardTest, WrongMetadataIsExitNine) {
  Answer([](FakeDaemon::Answers& answers) {
    answers.errors["PreviewCard"] =
        MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidContent, "README.md, line 3: not YAML");
  });
  const RunResult result = Run({"hf", "card", Folder()});
  EXPECT_EQ(result.code, 9);
  EXPECT_THAT(result.err, HasSubstr("README.md, line 3"));
}

}  // namespace
}  // namespace batuta::client
