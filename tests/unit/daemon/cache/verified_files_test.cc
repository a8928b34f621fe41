#include "daemon/cache/verified_files.h"

#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/cache.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::Eq;
using ::testing::Optional;

constexpr auto kNever = std::nullopt;

FileInfo MakeFile(uint64_t inode, uint64_t size_bytes = 100) {
  FileInfo file;
  file.kind = FileInfo::Kind::kFile;
  file.device = 7;
  file.inode = inode;
  file.size_bytes = size_bytes;
  file.links = 1;
  file.modified = FromUnixMillis(1'700'000'000'123);
  return file;
}

class VerifiedFilesTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  metadata::FakeMetadataStore store_;
  VerifiedFiles verified_{store_, clock_};
};

TEST_F(VerifiedFilesTest, KnowsWhatItWasToldAndSinceWhen) {
  EXPECT_THAT(verified_.WhenFound(MakeFile(1), Sha256('a')), IsOkAndHolds(Eq(kNever)));
  const WallTime first = clock_.wall();
  ASSERT_THAT(verified_.Record({{MakeFile(1), Sha256('a')}, {MakeFile(2), GitSha1('b')}}), IsOk());
  clock_.Advance(std::chrono::hours(1));
  EXPECT_THAT(verified_.WhenFound(MakeFile(1), Sha256('a')), IsOkAndHolds(Optional(first)));
  EXPECT_THAT(verified_.WhenFound(MakeFile(2), GitSha1('b')), IsOkAndHolds(Optional(first)));

  ASSERT_THAT(verified_.Record({{MakeFile(1), Sha256('a')}}), IsOk());
  EXPECT_THAT(verified_.WhenFound(MakeFile(1), Sha256('a')), IsOkAndHolds(Optional(clock_.wall())));
}

TEST_F(VerifiedFilesTest, ARecordIsOfOneBlobAndOneFileAsItWas) {
  ASSERT_THAT(verified_.Record({{MakeFile(1), Sha256('a')}}), IsOk());
  EXPECT_THAT(verified_.WhenFound(MakeFile(1), Sha256('b')), IsOkAndHolds(Eq(kNever)));
  EXPECT_THAT(verified_.WhenFound(MakeFile(2), Sha256('a')), IsOkAndHolds(Eq(kNever)));
  EXPECT_THAT(verified_.WhenFound(MakeFile(1, 101), Sha256('a')), IsOkAndHolds(Eq(kNever)));
  FileInfo touched = MakeFile(1);
  touched.modified += std::chrono::nanoseconds(1);
  EXPECT_THAT(verified_.WhenFound(touched, Sha256('a')), IsOkAndHolds(Eq(kNever)));
  FileInfo elsewhere = MakeFile(1);
  elsewhere.device = 8;
  EXPECT_THAT(verified_.WhenFound(elsewhere, Sha256('a')), IsOkAndHolds(Eq(kNever)));
}

TEST_F(VerifiedFilesTest, ANewHardLinkOrAReadChangesNothing) {
  ASSERT_THAT(verified_.Record({{MakeFile(1), Sha256('a')}}), IsOk());
  FileInfo linked = MakeFile(1);
  linked.links = 2;
  linked.accessed = clock_.wall();
  EXPECT_THAT(verified_.WhenFound(linked, Sha256('a')), IsOkAndHolds(Optional(clock_.wall())));
}

TEST_F(VerifiedFilesTest, WhatIsForgottenStaysForgottenAfterAPowerCut) {
  ASSERT_THAT(verified_.Record({{MakeFile(1), Sha256('a')}, {MakeFile(2), Sha256('b')}}), IsOk());
  ASSERT_THAT(verified_.Forget(MakeFile(1)), IsOk());
  store_.CutPower();
  EXPECT_THAT(verified_.WhenFound(MakeFile(1), Sha256('a')), IsOkAndHolds(Eq(kNever)));
  EXPECT_THAT(verified_.WhenFound(MakeFile(2), Sha256('b')), IsOkAndHolds(Optional(clock_.wall())));
}

TEST_F(VerifiedFilesTest, ManyAreRecordedInOneWrite) {
  std::vector<VerifiedFile> files;
  for (uint64_t inode = 1; inode <= 1'000; ++inode) files.push_back({MakeFile(inode), Sha256('a')});
  const uint64_t before = store_.writes(metadata::Durability::kProcess);
  ASSERT_THAT(verified_.Record(files), IsOk());
  EXPECT_EQ(store_.writes(metadata::Durability::kProcess) - before, 1u);
  EXPECT_EQ(store_.writes(metadata::Durability::kPower), 0u);
}

TEST_F(VerifiedFilesTest, FilesThatAreGoneAreForgotten) {
  ASSERT_THAT(verified_.Record({{MakeFile(1), Sha256('a')}, {MakeFile(2), Sha256('b')}}), IsOk());
  ASSERT_THAT(metadata::Put(store_, metadata::Table::kVerified, "odd", "{", metadata::Durability::kProcess),
              IsOk());
  ASSERT_THAT(verified_.ForgetGone([](uint64_t device, uint64_t inode) { return device == 7 && inode == 2; }),
              IsOk());
  EXPECT_THAT(verified_.WhenFound(MakeFile(1), Sha256('a')), IsOkAndHolds(Eq(kNever)));
  EXPECT_THAT(verified_.WhenFound(MakeFile(2), Sha256('b')), IsOkAndHolds(Optional(clock_.wall())));
  EXPECT_THAT(store_.Get(metadata::Table::kVerified, "odd"), IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(VerifiedFilesTest, ADamagedRecordIsNone) {
  for (const char* text : {"", "[]", "{}", R"({"v":1,"blob":7})", "{\"v\":1,\"at_ms\":\"x\"}"}) {
    ASSERT_THAT(
        metadata::Put(store_, metadata::Table::kVerified, "7/1", text, metadata::Durability::kProcess),
        IsOk());
    EXPECT_THAT(verified_.WhenFound(MakeFile(1), Sha256('a')), IsOkAndHolds(Eq(kNever)));
  }
}

// What a pull puts in place it has hashed.
class PublishedFilesTest : public VerifiedFilesTest {
 protected:
  void SetUp() override {
    auto cache = Cache::Open({"/hub", "boot-1", &verified_}, files_, store_);
    ASSERT_THAT(cache, IsOk());
    cache_ = *std::move(cache);
  }

  absl::StatusOr<std::optional<WallTime>> WhenFound(const BlobId& blob) {
    ASSIGN_OR_RETURN(const FileInfo info, files_.Info("/hub/" + repo_.folder() + "/blobs/" + blob.hex()));
    return verified_.WhenFound(info, blob);
  }

  FakeFileSystem files_;
  std::unique_ptr<Cache> cache_;
  const RepoId repo_ = Model("acme/otter");
};

TEST_F(PublishedFilesTest, ABlobWithAPartialFileIsKnown) {
  ASSERT_THAT(PutBlob(*cache_, repo_, Sha256('a'), "alpha"), IsOk());
  EXPECT_THAT(WhenFound(Sha256('a')), IsOkAndHolds(Optional(clock_.wall())));
}

TEST_F(PublishedFilesTest, OfAGroupThoseNamedBySha256AreKnownAfterOneWrite) {
  std::vector<StagedBlob> staged;
  for (const BlobId& blob : {Sha256('a'), Sha256('b'), GitSha1('c')}) {
    ASSERT_OK_AND_ASSIGN(StagedBlob one, cache_->Stage(repo_, blob, BytesOf("content")));
    staged.push_back(std::move(one));
  }
  const uint64_t before = store_.writes(metadata::Durability::kProcess);
  cache_->Publish(std::move(staged));
  EXPECT_EQ(store_.writes(metadata::Durability::kProcess) - before, 1u);
  EXPECT_THAT(WhenFound(Sha256('a')), IsOkAndHolds(Optional(clock_.wall())));
  EXPECT_THAT(WhenFound(Sha256('b')), IsOkAndHolds(Optional(clock_.wall())));
  EXPECT_THAT(WhenFound(GitSha1('c')), IsOkAndHolds(Eq(kNever)));
}

TEST_F(PublishedFilesTest, ACatalogThatFailsKeepsNoBlobBack) {
  std::vector<StagedBlob> staged;
  ASSERT_OK_AND_ASSIGN(StagedBlob one, cache_->Stage(repo_, Sha256('a'), BytesOf("content")));
  staged.push_back(std::move(one));
  store_.FailWrites(absl::UnavailableError("no"), 1);
  EXPECT_THAT(cache_->Publish(std::move(staged)), ::testing::ElementsAre(IsOk()));
  EXPECT_THAT(WhenFound(Sha256('a')), IsOkAndHolds(Eq(kNever)));
}

}  // namespace
}  // namespace batuta::cache
