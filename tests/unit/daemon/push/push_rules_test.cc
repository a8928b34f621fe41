#include "daemon/push/push_rules.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace batuta::push {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kGigabyte = 1'000'000'000;

LocalFile File(const std::string& path, uint64_t size = 1) {
  return {.path = *RepoPath::Parse(path), .stamp = {.size_bytes = size}};
}

auto Warns(const std::string& path, const std::string& text) {
  return AllOf(Field(&Warning::path, path), Field(&Warning::text, HasSubstr(text)));
}

auto Objects(const std::string& path, const std::string& why) {
  return AllOf(Field(&Objection::path, path), Field(&Objection::why, HasSubstr(why)));
}

TEST(PushRules, HoldsFilesToTheSizesOfTheHub) {
  const Objections said = CheckFiles({File("fine", 20 * kGigabyte), File("large", 21 * kGigabyte),
                                      File("larger", 201 * kGigabyte), File("limit", 500 * kGigabyte),
                                      File("too-large", 500 * kGigabyte + 1)});
  EXPECT_THAT(said.objections, ElementsAre(Objects("too-large", "split it")));
  EXPECT_THAT(said.warnings, ElementsAre(Warns("large", "easier to load"), Warns("larger", "to be asked"),
                                         Warns("limit", "to be asked")));
}

TEST(PushRules, ObjectsToTheNamesThatTheHubRefuses) {
  EXPECT_THAT(
      CheckFiles({File(".cache/x"), File("a/.cache/x"), File("a/.cache"), File(".cached/x")}).objections,
      ElementsAre(Objects(".cache/x", ".cache"), Objects("a/.cache/x", ".cache"),
                  Objects("a/.cache", ".cache")));
}

TEST(PushRules, WarnsOfNamesThatDifferInLetterCaseOnly) {
  EXPECT_THAT(
      CheckFiles({File("Data/a"), File("Data/b"), File("data/a"), File("data/c"), File("x"), File("X")})
          .warnings,
      ElementsAre(Warns("data/a", "\"Data/a\""), Warns("data", "\"Data\""), Warns("X", "\"x\"")));
}

TEST(PushRules, ManySuchNamesAreCounted) {
  std::vector<LocalFile> files;
  for (int i = 0; i < 50; ++i) {
    files.push_back(File(fmt::format("a{}", i)));
    files.push_back(File(fmt::format("A{}", i)));
  }
  const Objections said = CheckFiles(files);
  ASSERT_THAT(said.warnings, SizeIs(21));
  EXPECT_THAT(said.warnings.back(), Warns("", "30 more"));
}

class OutcomeTest : public ::testing::Test {
 protected:
  void Change(const std::string& path, FileChange::Kind kind) {
    diff_.files.push_back({.path = *RepoPath::Parse(path), .kind = kind});
  }

  void Remote(const std::string& path) {
    tree_.entries.push_back(
        {.path = *RepoPath::Parse(path), .size_bytes = 1, .blob = *BlobId::Parse(std::string(40, 'a'))});
  }

  Objections Check() { return CheckOutcome(diff_, &tree_, {.folder_entries = 3, .advised_repo_files = 6}); }

  Diff diff_;
  Tree tree_{.commit = *CommitId::Parse(std::string(40, '1')), .entries = {}};
};

TEST_F(OutcomeTest, CountsWhatAFolderHasAndWillHave) {
  Remote("d/1");
  Remote("d/2");
  Change("d/2", FileChange::Kind::kModified);
  Change("d/sub/x", FileChange::Kind::kAdded);
  EXPECT_THAT(Check().objections, IsEmpty());
  Change("d/3", FileChange::Kind::kAdded);
  EXPECT_THAT(Check().objections, ElementsAre(Objects("d", "4 entries")));
  Change("d/1", FileChange::Kind::kDeleted);
  EXPECT_THAT(Check().objections, IsEmpty());
}

TEST_F(OutcomeTest, CountsWhatTheHubPutsIntoANewRepo) {
  for (const char* path : {"1", "2", "3"}) Change(path, FileChange::Kind::kAdded);
  EXPECT_THAT(CheckOutcome(diff_, nullptr, {.folder_entries = 3}).objections,
              ElementsAre(Objects("", "the top folder would have 4 entries")));
  diff_.files[2].path = *RepoPath::Parse(".gitattributes");
  EXPECT_THAT(CheckOutcome(diff_, nullptr, {.folder_entries = 3}).objections, IsEmpty());
}

TEST_F(OutcomeTest, AFolderThatIsTooFullAlreadyMayBeLeftAsItIs) {
  for (const char* path : {"1", "2", "3", "4"}) Remote(path);
  Change("1", FileChange::Kind::kModified);
  EXPECT_THAT(Check().objections, IsEmpty());
  Change("5", FileChange::Kind::kAdded);
  EXPECT_THAT(Check().objections, ElementsAre(Objects("", "the top folder would have 5 entries")));
}

TEST_F(OutcomeTest, WarnsOfMoreFilesThanTheHubLikes) {
  for (const char* path : {"a/1", "a/2", "b/1", "b/2", "c/1"}) Remote(path);
  Change("c/2", FileChange::Kind::kAdded);
  EXPECT_THAT(Check().warnings, IsEmpty());
  Change("d/1", FileChange::Kind::kAdded);
  EXPECT_THAT(Check().warnings, ElementsAre(Warns("", "7 files")));
}

TEST(PushRules, AFileInTheCommitItselfIsSmall) {
  EXPECT_EQ(CheckInline(File("a", 100 << 20)), std::nullopt);
  EXPECT_THAT(CheckInline(File("a", (100 << 20) + 1))->why, HasSubstr("filter=lfs"));
}

}  // namespace
}  // namespace batuta::push
