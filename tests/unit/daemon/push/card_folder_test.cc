#include "daemon/push/card_folder.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "daemon/card/folder_view.h"
#include "daemon/push/local_folder.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

class CardFolderTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << content;
  }

  CardFolder View() const {
    const std::shared_ptr<const Folder> local = LocalFolder::Open(folder_.path()).value();
    return CardFolder(local, local->Walk().value());
  }

  TempFolder folder_;
};

TEST_F(CardFolderTest, ListsWhatIsPushedAndReadsIt) {
  Write("config.json", "{}");
  Write(".gitignore", "secret.json\n");
  Write("secret.json", "{}");
  CardFolder view = View();
  ASSERT_EQ(view.Files().size(), 2u);
  EXPECT_EQ(view.Files()[1].path, "config.json");
  ASSERT_OK_AND_ASSIGN(const std::string text, card::ReadWhole(view, "config.json", 100));
  EXPECT_EQ(text, "{}");
}

TEST_F(CardFolderTest, SaysOfWhichCommitTheFolderIs) {
  Write("config.json", "{}");
  Write(".git/HEAD", "ref: refs/heads/main\n");
  CardFolder view = View();
  EXPECT_EQ(view.Files().size(), 1u);
  ASSERT_OK_AND_ASSIGN(const std::string head, card::ReadWhole(view, ".git/HEAD", 100));
  EXPECT_EQ(head, "ref: refs/heads/main\n");
  EXPECT_FALSE(card::ReadWhole(view, ".git/refs/heads/main", 100).ok());
}

TEST_F(CardFolderTest, ReadsNothingOutside) {
  Write("model/config.json", "{}");
  Write("outside.json", "{}");
  std::filesystem::create_symlink("../outside.json", folder_ / "model" / "link.json");
  const std::shared_ptr<const Folder> local = LocalFolder::Open(folder_ / "model").value();
  CardFolder view(local, local->Walk().value());
  EXPECT_FALSE(card::ReadWhole(view, "link.json", 100).ok());
  EXPECT_FALSE(card::ReadWhole(view, "../outside.json", 100).ok());
  EXPECT_FALSE(card::ReadWhole(view, ".git/../../outside.json", 100).ok());
}

}  // namespace
}  // namespace batuta::push
