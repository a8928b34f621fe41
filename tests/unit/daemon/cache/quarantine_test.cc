#include "daemon/cache/quarantine.h"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/known_pieces.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::UnorderedElementsAre;

class QuarantineTest : public CacheTest {
 protected:
  void SetUp() override {
    CacheTest::SetUp();
    GivenFile(repo_, commit_, "model.gguf");
    Given(repo_.folder() + "/refs/main", commit_.hex());
  }

  void GivenFile(const RepoId& repo, const CommitId& commit, const std::string& path) {
    const std::string folder = repo.folder();
    if (!std::filesystem::exists(root() / folder / "blobs" / blob_.hex())) {
      Given(folder + "/blobs/" + blob_.hex(), kContent);
    }
    GivenLink(folder + "/snapshots/" + commit.hex() + "/" + path, "../../blobs/" + blob_.hex());
  }

  std::filesystem::path BlobPath() const { return root() / repo_.folder() / "blobs" / blob_.hex(); }

  FilePlace Place() const { return {repo_, blob_.hex()}; }

  Damage DamageNow(std::vector<Extent> good = {}) {
    const auto info = files_->Info(BlobPath());
    EXPECT_THAT(info, IsOk());
    return {*info, blob_, kContent.size(), std::move(good), {}};
  }

  std::vector<std::string> Blobs(const RepoId& repo) { return Tree(repo.folder() + "/blobs"); }

  std::string PartOf(const RepoId& /*repo*/) { return PartName(blob_, instance()); }

  const std::string kContent = "0123456789";
  const BlobId blob_ = Sha256('a');
};

TEST_F(QuarantineTest, LinksGoInEverySnapshotAndFoldersAndRefsStay) {
  GivenFile(repo_, Commit('4'), "same.gguf");
  Given(repo_.folder() + "/snapshots/" + commit_.hex() + "/other", "x");

  ASSERT_OK_AND_ASSIGN(const auto withdrawal, cache_->Withdraw(Place(), DamageNow()));

  ASSERT_TRUE(withdrawal.has_value());
  EXPECT_THAT(withdrawal->files, UnorderedElementsAre(WithdrawnFile{repo_, commit_, "model.gguf"},
                                                      WithdrawnFile{repo_, Commit('4'), "same.gguf"}));
  EXPECT_THAT(Tree(repo_.folder() + "/snapshots"),
              ElementsAre(commit_.hex() + "/", commit_.hex() + "/other", Commit('4').hex() + "/"));
  EXPECT_EQ(Read(repo_.folder() + "/refs/main"), commit_.hex());
  EXPECT_THAT(Blobs(repo_), ElementsAre(PartOf(repo_)));
}

TEST_F(QuarantineTest, TheNextPullGoesOnWithWhatIsRight) {
  ASSERT_THAT(cache_->Withdraw(Place(), DamageNow({{0, 3}, {6, 10}})), IsOk());
  Reopen("boot-2");
  ASSERT_OK_AND_ASSIGN(const auto partial, cache_->OpenPartial(repo_, blob_, kContent.size()));
  EXPECT_THAT(partial->believed(), ElementsAre(Extent{0, 3}, Extent{6, 10}));
  std::string read(4, '?');
  ASSERT_THAT(partial->ReadAt(6, std::as_writable_bytes(std::span(read))), IsOk());
  EXPECT_EQ(read, "6789");
}

TEST_F(QuarantineTest, OneFileInTwoReposLeavesBoth) {
  const RepoId twin = Model("acme/twin");
  std::filesystem::create_directories(root() / twin.folder() / "blobs");
  std::filesystem::create_hard_link(BlobPath(), root() / twin.folder() / "blobs" / blob_.hex());
  GivenFile(twin, Commit('5'), "a/b.gguf");
  std::filesystem::remove(root() / twin.folder() / "snapshots" / Commit('5').hex() / "a/b.gguf");
  GivenLink(twin.folder() + "/snapshots/" + Commit('5').hex() + "/a/b.gguf", "../../../blobs/" + blob_.hex());

  ASSERT_OK_AND_ASSIGN(const auto withdrawal, cache_->Withdraw(Place(), DamageNow({{0, 3}})));

  ASSERT_TRUE(withdrawal.has_value());
  EXPECT_THAT(withdrawal->files, UnorderedElementsAre(WithdrawnFile{repo_, commit_, "model.gguf"},
                                                      WithdrawnFile{twin, Commit('5'), "a/b.gguf"}));
  EXPECT_TRUE(withdrawal->is_kept);
  EXPECT_THAT(Blobs(repo_), ElementsAre(PartOf(repo_)));
  EXPECT_THAT(Blobs(twin), IsEmpty());
}

TEST_F(QuarantineTest, TheSameContentInAnotherFileIsLeftAlone) {
  const RepoId other = Model("acme/other");
  GivenFile(other, Commit('5'), "b.gguf");
  ASSERT_THAT(cache_->Withdraw(Place(), DamageNow()), IsOk());
  EXPECT_THAT(Blobs(other), ElementsAre(blob_.hex()));
}

TEST_F(QuarantineTest, WhatSomebodyHasOpenIsNotWrittenTo) {
  ASSERT_OK_AND_ASSIGN(const auto reader, files_->Open(BlobPath(), OpenMode::kRead));
  ASSERT_OK_AND_ASSIGN(const auto withdrawal, cache_->Withdraw(Place(), DamageNow({{0, 3}})));
  ASSERT_TRUE(withdrawal.has_value());
  EXPECT_FALSE(withdrawal->is_kept);
  EXPECT_THAT(Blobs(repo_), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const FileInfo info, reader->Info());
  EXPECT_EQ(info.size_bytes, kContent.size());
}

TEST_F(QuarantineTest, WhatHasANameOutsideTheCacheKeepsItsBytes) {
  std::filesystem::create_hard_link(BlobPath(), folder_ / "mine.gguf");
  ASSERT_OK_AND_ASSIGN(const auto withdrawal, cache_->Withdraw(Place(), DamageNow({{0, 3}})));
  ASSERT_TRUE(withdrawal.has_value());
  EXPECT_FALSE(withdrawal->is_kept);
  EXPECT_THAT(Blobs(repo_), IsEmpty());
  EXPECT_EQ(std::filesystem::file_size(folder_ / "mine.gguf"), kContent.size());
}

TEST_F(QuarantineTest, AFileThatIsAnotherByNowStays) {
  const Damage damage = DamageNow();
  Given(repo_.folder() + "/blobs/" + blob_.hex(), "other");
  EXPECT_THAT(cache_->Withdraw(Place(), damage), IsOkAndHolds(Eq(std::nullopt)));
  EXPECT_THAT(Blobs(repo_), ElementsAre(blob_.hex()));

  std::filesystem::remove(BlobPath());
  EXPECT_THAT(cache_->Withdraw(Place(), damage), IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(QuarantineTest, APullThatIsUnderWayKeepsItsPartialFile) {
  Given(repo_.folder() + "/blobs/" + blob_.hex(), "012");  // too short: whoever wants it fetches it
  ASSERT_OK_AND_ASSIGN(const auto partial, cache_->OpenPartial(repo_, blob_, kContent.size()));
  ASSERT_THAT(partial->WriteAt(0, BytesOf("01234")), IsOk());
  ASSERT_THAT(partial->Journal({{0, 5}}, {}), IsOk());

  ASSERT_OK_AND_ASSIGN(const auto withdrawal, cache_->Withdraw(Place(), DamageNow({{0, 3}})));

  ASSERT_TRUE(withdrawal.has_value());
  EXPECT_FALSE(withdrawal->is_kept);
  EXPECT_THAT(Blobs(repo_), ElementsAre(PartOf(repo_)));
  ASSERT_THAT(partial->WriteAt(5, BytesOf("56789")), IsOk());
  EXPECT_THAT(partial->Publish({}), IsOk());
  EXPECT_EQ(Read(repo_.folder() + "/blobs/" + blob_.hex()), kContent);
}

TEST_F(QuarantineTest, AFileInTheSnapshotItselfIsMovedAndItsTwinGoes) {
  const std::string snapshot = repo_.folder() + "/snapshots/" + commit_.hex();
  std::filesystem::rename(BlobPath(), root() / snapshot / "plain.gguf");
  std::filesystem::remove(root() / snapshot / "model.gguf");
  std::filesystem::create_hard_link(root() / snapshot / "plain.gguf", root() / snapshot / "a.gguf");
  const FilePlace place{repo_, "", commit_, "plain.gguf"};
  ASSERT_OK_AND_ASSIGN(const FileInfo info, files_->Info(root() / snapshot / "plain.gguf"));

  ASSERT_OK_AND_ASSIGN(const auto withdrawal,
                       cache_->Withdraw(place, {info, blob_, kContent.size(), {{0, 3}}, {}}));

  ASSERT_TRUE(withdrawal.has_value());
  EXPECT_TRUE(withdrawal->is_kept);
  EXPECT_THAT(Tree(snapshot), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto partial, cache_->OpenPartial(repo_, blob_, kContent.size()));
  EXPECT_THAT(partial->believed(), ElementsAre(Extent{0, 3}));
}

class KnownPiecesTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kLarge = KnownPieces::kLeastBytes;

  metadata::FakeMetadataStore store_;
  KnownPieces pieces_{store_};
  const PieceSums sums_{.piece_bytes = 4 << 20, .by_piece = {{0, 17}, {1, ~uint64_t{0}}}};
};

TEST_F(KnownPiecesTest, OfLargeBlobsAreKept) {
  ASSERT_THAT(pieces_.Record(Sha256('a'), kLarge, sums_), IsOk());
  EXPECT_THAT(pieces_.Find(Sha256('a')), IsOkAndHolds(sums_));
  EXPECT_THAT(pieces_.Find(Sha256('b')), IsOkAndHolds(PieceSums()));
}

TEST_F(KnownPiecesTest, OfSmallBlobsNothingIsKept) {
  ASSERT_THAT(pieces_.Record(Sha256('a'), kLarge - 1, sums_), IsOk());
  EXPECT_THAT(pieces_.Find(Sha256('a')), IsOkAndHolds(PieceSums()));
}

TEST_F(KnownPiecesTest, OfBlobsThatAreGoneAreForgotten) {
  ASSERT_THAT(pieces_.Record(Sha256('a'), kLarge, sums_), IsOk());
  ASSERT_THAT(pieces_.Record(Sha256('b'), kLarge, sums_), IsOk());
  ASSERT_THAT(pieces_.ForgetGone([](const BlobId& blob) { return blob == Sha256('b'); }), IsOk());
  EXPECT_THAT(pieces_.Find(Sha256('a')), IsOkAndHolds(PieceSums()));
  EXPECT_THAT(pieces_.Find(Sha256('b')), IsOkAndHolds(sums_));
}

TEST_F(KnownPiecesTest, ComeFromThePullThatPublishes) {
  FakeFileSystem files;
  auto cache = Cache::Open({"/hub", "boot-1", nullptr, &pieces_}, files, store_);
  ASSERT_THAT(cache, IsOk());
  ASSERT_OK_AND_ASSIGN(const auto partial, (*cache)->OpenPartial(Model("acme/otter"), Sha256('a'), kLarge));
  ASSERT_THAT(partial->WriteAt(0, BytesOf(std::string(kLarge, 'x'))), IsOk());
  ASSERT_THAT(partial->Publish(sums_), IsOk());
  EXPECT_THAT(pieces_.Find(Sha256('a')), IsOkAndHolds(sums_));
}

}  // namespace
}  // namespace batuta::cache
