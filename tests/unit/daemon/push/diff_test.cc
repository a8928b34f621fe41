#include "daemon/push/diff.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

namespace batuta::push {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = FileChange::Kind;

BlobId Sha256(char c) {
  return *BlobId::Parse(std::string(64, c));
}

BlobId Sha1(char c) {
  return *BlobId::Parse(std::string(40, c));
}

// A local folder and a remote tree, file by file. A letter stands for bytes.
class DiffTest : public ::testing::Test {
 protected:
  void Local(const std::string& path, char content, uint64_t size = 100) {
    listing_.files.push_back({.path = *RepoPath::Parse(path), .stamp = {.size_bytes = size}});
    ids_.emplace_back(ContentId{.sha256 = Sha256(content), .git_sha1 = Sha1(content)});
  }

  void RemoteLfs(const std::string& path, char content, uint64_t size = 100) {
    tree_.entries.push_back({.path = *RepoPath::Parse(path), .size_bytes = size, .blob = Sha256(content)});
  }

  void RemoteRegular(const std::string& path, char content, uint64_t size = 100) {
    tree_.entries.push_back({.path = *RepoPath::Parse(path), .size_bytes = size, .blob = Sha1(content)});
  }

  Diff Compare(const std::vector<std::string>& globs = {}) {
    return push::Compare(listing_, ids_, &tree_, globs);
  }

  FolderListing listing_;
  std::vector<std::optional<ContentId>> ids_;
  Tree tree_{.commit = *CommitId::Parse(std::string(40, '1')), .entries = {}};
};

auto Is(const std::string& path, Kind kind) {
  return ::testing::AllOf(Field(&FileChange::path, *RepoPath::Parse(path)), Field(&FileChange::kind, kind));
}

TEST_F(DiffTest, TellsWhatIsNewChangedAndTheSame) {
  Local("added", 'a');
  Local("larger", 'b', 200);
  Local("other", 'c');
  Local("same-lfs", 'd');
  Local("same-regular", 'e');
  RemoteLfs("larger", 'b', 100);
  RemoteRegular("other", 'f');
  RemoteLfs("same-lfs", 'd');
  RemoteRegular("same-regular", 'e');
  RemoteLfs("untouched", 'e');
  const Diff diff = Compare();
  EXPECT_THAT(diff.files, ElementsAre(Is("added", Kind::kAdded), Is("larger", Kind::kModified),
                                      Is("other", Kind::kModified), Is("same-lfs", Kind::kUnchanged),
                                      Is("same-regular", Kind::kUnchanged)));
  EXPECT_EQ(diff.files[0].file, 0U);
  EXPECT_EQ(diff.files[0].remote, std::nullopt);
  EXPECT_EQ(diff.files[1].remote, Sha256('b'));
  EXPECT_FALSE(diff.is_empty());
}

TEST_F(DiffTest, NothingToDoIsSaid) {
  Local("a", 'a');
  RemoteLfs("a", 'a');
  RemoteRegular("b", 'b');
  EXPECT_TRUE(Compare().is_empty());
  EXPECT_FALSE(Compare({"b"}).is_empty());
}

TEST_F(DiffTest, WithoutARemoteEverythingIsNew) {
  Local("a", 'a');
  EXPECT_THAT(push::Compare(listing_, ids_, nullptr, {"*"}).files, ElementsAre(Is("a", Kind::kAdded)));
}

TEST_F(DiffTest, AFileWhoseBytesHaveNoNameCountsAsChanged) {
  Local("a", 'a');
  RemoteLfs("a", 'a');
  ids_[0] = std::nullopt;
  EXPECT_THAT(Compare().files, ElementsAre(Is("a", Kind::kModified)));
}

TEST_F(DiffTest, DeletesWhatTheGlobsMatchAndTheFolderHasNot) {
  Local("old/kept.bin", 'a');
  RemoteLfs("old/kept.bin", 'a');
  RemoteLfs("old/gone.bin", 'b');
  RemoteRegular("other.txt", 'c');
  RemoteRegular(".gitattributes", 'd');
  RemoteRegular("old/.gitattributes", 'd');
  EXPECT_THAT(Compare({"old/*"}).files,
              ElementsAre(Is("old/gone.bin", Kind::kDeleted), Is("old/kept.bin", Kind::kUnchanged)));
  EXPECT_THAT(Compare({"*"}).files,
              ElementsAre(Is("old/gone.bin", Kind::kDeleted), Is("old/kept.bin", Kind::kUnchanged),
                          Is("other.txt", Kind::kDeleted)));
}

TEST_F(DiffTest, ASingleFileDeletesNothingBesideIt) {
  Local("a", 'a');
  RemoteRegular("b", 'b');
  listing_.is_one_file = true;
  EXPECT_THAT(Compare({"*"}).objections, ElementsAre(Field(&Objection::why, HasSubstr("this is one file"))));
  EXPECT_THAT(Compare({"*"}).files, ElementsAre(Is("a", Kind::kAdded)));
  EXPECT_THAT(Compare().objections, IsEmpty());
}

TEST_F(DiffTest, AnEmptyFolderEmptiesNoRepo) {
  RemoteRegular("a", 'a');
  RemoteRegular("b", 'b');
  EXPECT_THAT(Compare({"*"}).objections, ElementsAre(Field(&Objection::why, HasSubstr("would take 2 out"))));
  EXPECT_THAT(Compare({"c"}).objections, IsEmpty());
  EXPECT_THAT(Compare().objections, IsEmpty());
}

TEST_F(DiffTest, LeavesAloneWhatTheFolderIgnores) {
  listing_.ignored = {{"notes.txt", "`notes.txt`"}, {"runs/", "`runs/`"}};
  RemoteRegular("notes.txt", 'a');
  RemoteRegular("runs/deep/log", 'b');
  RemoteRegular("runs2", 'c');
  Local("same", 'e');
  RemoteRegular("same", 'e');
  EXPECT_THAT(Compare({"*"}).files, ElementsAre(Is("runs2", Kind::kDeleted), Is("same", Kind::kUnchanged)));
  listing_.ignored_left_out = 1;
  const Diff unsure = Compare({"*"});
  EXPECT_THAT(unsure.files, ElementsAre(Is("same", Kind::kUnchanged)));
  EXPECT_THAT(unsure.objections, SizeIs(1));
}

TEST_F(DiffTest, KnowsACopyAndAMove) {
  Local("copy", 'a');
  Local("moved", 'b');
  Local("moved-too", 'b');
  RemoteLfs("a2", 'a');
  RemoteLfs("a1", 'a');
  RemoteLfs("old", 'b');
  const Diff diff = Compare({"old"});
  ASSERT_THAT(diff.files, ElementsAre(Is("copy", Kind::kAdded), Is("moved", Kind::kAdded),
                                      Is("moved-too", Kind::kAdded), Is("old", Kind::kDeleted)));
  EXPECT_EQ(diff.files[0].copy_of, *RepoPath::Parse("a1"));
  EXPECT_FALSE(diff.files[0].is_move);
  EXPECT_EQ(diff.files[1].copy_of, *RepoPath::Parse("old"));
  EXPECT_TRUE(diff.files[1].is_move);
  EXPECT_EQ(diff.files[2].copy_of, *RepoPath::Parse("old"));
  EXPECT_FALSE(diff.files[2].is_move);
}

TEST_F(DiffTest, AModifiedFileMayBeACopyOfAnother) {
  Local("model", 'b');
  RemoteLfs("model", 'a');
  RemoteLfs("other", 'b');
  const Diff diff = Compare();
  ASSERT_THAT(diff.files, ElementsAre(Is("model", Kind::kModified)));
  EXPECT_EQ(diff.files[0].copy_of, *RepoPath::Parse("other"));
}

TEST_F(DiffTest, ObjectsToAFileWhereTheRepoHasAFolder) {
  Local("data", 'a');
  Local("x/y/z", 'b');
  RemoteRegular("data/one", 'c');
  RemoteRegular("x/y", 'd');
  EXPECT_THAT(Compare().objections, ElementsAre(Field(&Objection::why, HasSubstr("--delete 'data/*'")),
                                                Field(&Objection::why, HasSubstr("--delete 'x/y'"))));
  EXPECT_THAT(Compare({"data/*", "x/y"}).objections, IsEmpty());
}

TEST_F(DiffTest, AsksForTheNamesOfOnlyThoseBytesThatMayBeThere) {
  Local("larger", 'a', 7);
  Local("maybe-same-lfs", 'a', 100);
  Local("maybe-same-regular", 'a', 50);
  Local("maybe-moved", 'a', 100);
  Local("new", 'a', 8);
  Local("new-of-a-regular-size", 'a', 50);
  RemoteLfs("larger", 'a', 6);
  RemoteLfs("maybe-same-lfs", 'a', 100);
  RemoteRegular("maybe-same-regular", 'a', 50);
  EXPECT_THAT(NeededIds(listing_.files, &tree_),
              ElementsAre(NeededId::kNone, NeededId::kSha256, NeededId::kBoth, NeededId::kSha256,
                          NeededId::kNone, NeededId::kNone));
  EXPECT_THAT(NeededIds(listing_.files, nullptr), ::testing::Each(NeededId::kNone));
}

}  // namespace
}  // namespace batuta::push
