// Files in snapshots: ArePresent(), LinkExisting() and ReadSnapshot() where there are symlinks.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/cache.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"
#include "tests/unit/daemon/cache/case_folding_file_system.h"

namespace batuta::cache {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

class SnapshotTest : public CacheTest {
 protected:
  void SetUp() override {
    CacheTest::SetUp();
    ASSERT_THAT(PutBlob(*cache_, repo_, entry_.blob, "0123456789"), IsOk());
  }

  absl::StatusOr<bool> Link(const Entry& entry) { return cache_->LinkExisting(repo_, commit_, entry); }

  bool IsPresent(const Entry& entry) {
    const auto present = cache_->ArePresent(repo_, commit_, {entry});
    EXPECT_THAT(present, IsOk());
    return present.ok() && present->size() == 1 && present->front();
  }

  fs::path snapshot() const { return fs::path("models--acme--otter/snapshots") / commit_.hex(); }

  const Entry entry_ = MakeEntry("onnx/model.onnx", Sha256('a'), 10);
};

TEST_F(SnapshotTest, LinksABlobAsThePythonLibraryDoes) {
  EXPECT_FALSE(IsPresent(entry_));
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_EQ(fs::read_symlink(root() / snapshot() / "onnx/model.onnx"), "../../../blobs/" + entry_.blob.hex());
  EXPECT_EQ(Read(snapshot() / "onnx/model.onnx"), "0123456789");
  EXPECT_TRUE(IsPresent(entry_));
  EXPECT_EQ(cache_->SnapshotPath(repo_, commit_), root() / snapshot());
}

TEST_F(SnapshotTest, LinkingTwiceChangesNothing) {
  ASSERT_THAT(Link(entry_), IsOkAndHolds(true));
  const auto before = fs::last_write_time(root() / snapshot() / "onnx");
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_EQ(fs::last_write_time(root() / snapshot() / "onnx"), before);
}

TEST_F(SnapshotTest, ABlobThatIsMissingOrOfAnotherSizeIsNotLinked) {
  EXPECT_THAT(Link(MakeEntry("a", Sha256('b'), 10)), IsOkAndHolds(false));
  EXPECT_THAT(Link(MakeEntry("a", Sha256('a'), 11)), IsOkAndHolds(false));
  EXPECT_FALSE(fs::exists(root() / snapshot()));
}

TEST_F(SnapshotTest, TwoPathsMayShareABlob) {
  const Entry other = MakeEntry("copy", Sha256('a'), 10);
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_THAT(Link(other), IsOkAndHolds(true));
  EXPECT_THAT(cache_->ArePresent(repo_, commit_, {entry_, MakeEntry("none", Sha256('a'), 10), other}),
              IsOkAndHolds(ElementsAre(true, false, true)));
}

TEST_F(SnapshotTest, ABrokenLinkIsNotPresentAndIsReplaced) {
  GivenLink(snapshot() / "onnx/model.onnx", "../../../blobs/gone");
  EXPECT_FALSE(IsPresent(entry_));
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_TRUE(IsPresent(entry_));
  EXPECT_THAT(Tree("models--acme--otter/snapshots/" + commit_.hex()),
              ElementsAre("onnx/", "onnx/model.onnx"));
}

TEST_F(SnapshotTest, ALinkToAnotherBlobIsNotPresentAndIsReplaced) {
  Given("models--acme--otter/blobs/" + Sha256('b').hex(), "9876543210");
  GivenLink(snapshot() / "onnx/model.onnx", "../../../blobs/" + Sha256('b').hex());
  EXPECT_FALSE(IsPresent(entry_));
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_EQ(Read(snapshot() / "onnx/model.onnx"), "0123456789");
}

TEST_F(SnapshotTest, ALinkWhoseBlobHasAnotherSizeIsNotPresent) {
  ASSERT_THAT(Link(entry_), IsOkAndHolds(true));
  fs::resize_file(root() / "models--acme--otter/blobs" / entry_.blob.hex(), 9);
  EXPECT_FALSE(IsPresent(entry_));
  EXPECT_THAT(Link(entry_), IsOkAndHolds(false));
}

TEST_F(SnapshotTest, AnAbsoluteOrRoundaboutLinkToTheRightBlobIsPresent) {
  const std::string blob = (root() / "models--acme--otter/blobs" / entry_.blob.hex()).native();
  GivenLink(snapshot() / "onnx/model.onnx", blob);
  EXPECT_TRUE(IsPresent(entry_));
  fs::remove(root() / snapshot() / "onnx/model.onnx");
  GivenLink(snapshot() / "onnx/model.onnx", "../../../blobs/../blobs/./" + entry_.blob.hex());
  EXPECT_TRUE(IsPresent(entry_));
}

TEST_F(SnapshotTest, ABlobThatWasMovedAwayBehindASymlinkIsPresent) {
  const fs::path blob = root() / "models--acme--otter/blobs" / entry_.blob.hex();
  fs::rename(blob, root() / "elsewhere");
  fs::create_symlink(root() / "elsewhere", blob);
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_TRUE(IsPresent(entry_));
}

TEST_F(SnapshotTest, ARegularFileCountsByItsSize) {
  Given(snapshot() / "onnx/model.onnx", "9876543210");
  EXPECT_TRUE(IsPresent(entry_));
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_FALSE(fs::is_symlink(root() / snapshot() / "onnx/model.onnx"));

  Given(snapshot() / "onnx/model.onnx", "short");
  EXPECT_FALSE(IsPresent(entry_));
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_EQ(Read(snapshot() / "onnx/model.onnx"), "0123456789");
}

TEST_F(SnapshotTest, AFolderInThePlaceOfAFileIsAClearError) {
  fs::create_directories(root() / snapshot() / "onnx/model.onnx");
  EXPECT_FALSE(IsPresent(entry_));
  const auto status = Link(entry_);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(status, HasReason("INVALID_PATH"));
  EXPECT_THAT(status, HasMessage(AllOf(HasSubstr("onnx/model.onnx"), HasSubstr("is a folder"))));
}

TEST_F(SnapshotTest, AFileInThePlaceOfAFolderIsAClearError) {
  Given(snapshot() / "onnx", "a file");
  EXPECT_FALSE(IsPresent(entry_));
  EXPECT_THAT(Link(entry_), HasReason("INVALID_PATH"));
  EXPECT_EQ(Read(snapshot() / "onnx"), "a file");
}

TEST_F(SnapshotTest, APlantedSymlinkAmongTheFoldersIsRefused) {
  fs::create_directories(root() / "outside");
  GivenLink(snapshot() / "onnx", (root() / "outside").native());
  EXPECT_FALSE(IsPresent(entry_));
  const auto status = Link(entry_);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(status, HasReason("INVALID_PATH"));
  EXPECT_THAT(Tree("outside"), IsEmpty());
}

TEST_F(SnapshotTest, APlantedSymlinkFarUpAmongTheFoldersIsRefused) {
  fs::create_directories(root() / "outside/b/c");
  GivenLink(snapshot() / "a", (root() / "outside").native());
  EXPECT_THAT(Link(MakeEntry("a/b/c/d", Sha256('a'), 10)), HasReason("INVALID_PATH"));
  EXPECT_THAT(Tree("outside"), ElementsAre("b/", "b/c/"));
}

TEST_F(SnapshotTest, ASymlinkInThePlaceOfTheSnapshotItselfIsRefused) {
  fs::create_directories(root() / "outside");
  GivenLink(snapshot(), (root() / "outside").native());
  EXPECT_FALSE(IsPresent(entry_));
  EXPECT_THAT(Link(entry_), HasReason("INVALID_PATH"));
  EXPECT_THAT(Tree("outside"), IsEmpty());
}

// The file that is not there is not reached through the planted link either.
TEST_F(SnapshotTest, APlantedSymlinkDoesNotMakeAFilePresent) {
  fs::create_directories(root() / "outside");
  std::ofstream(root() / "outside/model.onnx") << "0123456789";
  GivenLink(snapshot() / "onnx", (root() / "outside").native());
  EXPECT_FALSE(IsPresent(entry_));
}

TEST_F(SnapshotTest, ARepoFolderThatItsOwnerMovedToAnotherDiskWorks) {
  fs::rename(root() / "models--acme--otter", folder_ / "other-disk");
  fs::create_directory_symlink(folder_ / "other-disk", root() / "models--acme--otter");
  EXPECT_THAT(Link(entry_), IsOkAndHolds(true));
  EXPECT_TRUE(IsPresent(entry_));
  EXPECT_EQ(Read(snapshot() / "onnx/model.onnx"), "0123456789");
}

TEST_F(SnapshotTest, AnswersForThousandsOfEntriesWithAFewCallsEach) {
  FakeFileSystem files;
  metadata::FakeMetadataStore store;
  const auto cache = Cache::Open({"/hub", "boot-1"}, files, store);
  ASSERT_THAT(cache, IsOk());
  ASSERT_THAT(PutBlob(**cache, repo_, Sha256('a'), "0123456789"), IsOk());
  std::vector<Entry> entries;
  for (int i = 0; i < 2'000; ++i) {
    entries.push_back(MakeEntry("data/part-" + std::to_string(i), Sha256('a'), 10));
    ASSERT_THAT((*cache)->LinkExisting(repo_, commit_, entries.back()), IsOkAndHolds(true));
  }
  const auto calls = [&] {
    return files.calls(FakeFileSystem::Call::kInfo) + files.calls(FakeFileSystem::Call::kReadSymlink) +
           files.calls(FakeFileSystem::Call::kOpen) + files.calls(FakeFileSystem::Call::kList);
  };
  const uint64_t before = calls();
  ASSERT_OK_AND_ASSIGN(const std::vector<bool> present, (*cache)->ArePresent(repo_, commit_, entries));
  EXPECT_EQ(std::count(present.begin(), present.end(), true), 2'000);
  EXPECT_LE(calls() - before, 2 * 2'000 + 2U);
}

TEST(CaseFoldingSnapshotTest, NamesThatDifferInCaseOnlyCollideClearly) {
  FakeFileSystem disk;
  CaseFoldingFileSystem files(disk);
  metadata::FakeMetadataStore store;
  const auto cache = Cache::Open({"/hub", "boot-1"}, files, store);
  ASSERT_THAT(cache, IsOk());
  const RepoId repo = Model("acme/otter");
  ASSERT_THAT(PutBlob(**cache, repo, Sha256('a'), "0123456789"), IsOk());
  ASSERT_THAT(PutBlob(**cache, repo, Sha256('b'), "9876543210"), IsOk());
  ASSERT_THAT((*cache)->LinkExisting(repo, Commit('3'), MakeEntry("readme.md", Sha256('a'), 10)),
              IsOkAndHolds(true));

  const auto clash = (*cache)->LinkExisting(repo, Commit('3'), MakeEntry("README.md", Sha256('b'), 10));

  EXPECT_THAT(clash, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(clash, HasReason("INVALID_PATH"));
  EXPECT_THAT(clash,
              HasMessage(AllOf(HasSubstr("README.md"), HasSubstr("readme.md"), HasSubstr("letter case"))));
  EXPECT_THAT((*cache)->ArePresent(repo, Commit('3'), {MakeEntry("readme.md", Sha256('a'), 10)}),
              IsOkAndHolds(ElementsAre(true)));
}

TEST(LongNameSnapshotTest, ANameTooLongForTheDiskIsTheRepoItsFault) {
  FakeFileSystem files;
  metadata::FakeMetadataStore store;
  const auto cache = Cache::Open({"/hub", "boot-1"}, files, store);
  ASSERT_THAT(cache, IsOk());
  const RepoId repo = Model("acme/otter");
  ASSERT_THAT(PutBlob(**cache, repo, Sha256('a'), "0123456789"), IsOk());
  for (const FakeFileSystem::Call call : {FakeFileSystem::Call::kInfo, FakeFileSystem::Call::kSymlink}) {
    files.Inject({ENAMETOOLONG, call, "/long"});
    EXPECT_THAT((*cache)->LinkExisting(repo, Commit('3'), MakeEntry("long/name", Sha256('a'), 10)),
                HasReason("INVALID_PATH"));
  }
}

TEST_F(SnapshotTest, ReadsASnapshotThatNobodyListed) {
  ASSERT_THAT(PutBlob(*cache_, repo_, GitSha1('c'), "{}"), IsOk());
  const Entry config = MakeEntry("config.json", GitSha1('c'), 2);
  ASSERT_THAT(Link(entry_), IsOkAndHolds(true));
  ASSERT_THAT(Link(config), IsOkAndHolds(true));
  GivenLink(snapshot() / "broken", "../../blobs/" + Sha256('f').hex());
  GivenLink(snapshot() / "astray", "/etc/passwd");
  GivenLink(snapshot() / "folder", "onnx");
  Given(snapshot() / "regular", "whose blob nobody knows");

  ASSERT_OK_AND_ASSIGN(const std::optional<batuta::Tree> tree, cache_->ReadSnapshot(repo_, commit_));

  ASSERT_TRUE(tree.has_value());
  Entry model = entry_;
  model.git_oid.clear();  // only a listing tells
  EXPECT_THAT(tree->entries, ElementsAre(config, model));
  EXPECT_EQ(tree->commit, commit_);
}

TEST_F(SnapshotTest, ASnapshotThatIsNotThereIsNoTree) {
  EXPECT_THAT(cache_->ReadSnapshot(repo_, Commit('9')), IsOkAndHolds(testing::Eq(std::nullopt)));
}

}  // namespace
}  // namespace batuta::cache
