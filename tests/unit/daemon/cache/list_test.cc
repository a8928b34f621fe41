// The listing of a cache that many tools filled.
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "daemon/cache/cache.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class ListTest : public CacheTest {
 protected:
  CacheListing List(const std::vector<RepoId>& only = {}) {
    auto listing = cache_->List(only);
    EXPECT_THAT(listing, IsOk());
    return listing.ok() ? *std::move(listing) : CacheListing();
  }

  void GivenFile(const std::string& repo, char commit, const std::string& path, char blob,
                 const std::string& content) {
    const fs::path folder = repo;
    Given(folder / "blobs" / Sha256(blob).hex(), content);
    std::string text = "../../blobs/" + Sha256(blob).hex();
    for (const char c : path) text = c == '/' ? "../" + text : text;
    GivenLink(folder / "snapshots" / std::string(40, commit) / path, text);
  }

  void GivenRef(const std::string& repo, const std::string& name, const std::string& content) {
    Given(fs::path(repo) / "refs" / name, content);
  }

  void GivenTimes(const std::string& path, time_t accessed, time_t modified) {
    const timespec times[2] = {{accessed, 0}, {modified, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (root() / path).c_str(), times, 0), 0);
  }
};

TEST_F(ListTest, AnEmptyCacheHasNothingToSay) {
  const CacheListing listing = List();
  EXPECT_THAT(listing.repos, IsEmpty());
  EXPECT_THAT(listing.warnings, IsEmpty());
  EXPECT_EQ(listing.total_bytes, 0U);
}

TEST_F(ListTest, TellsReposRevisionsRefsAndSizes) {
  GivenFile("models--acme--otter", '3', "config.json", 'a', "0123456789");
  GivenFile("models--acme--otter", '3', "onnx/model.onnx", 'b', "01234");
  GivenFile("models--acme--otter", '4', "config.json", 'a', "0123456789");
  GivenRef("models--acme--otter", "main", std::string(40, '3'));
  GivenRef("models--acme--otter", "refs/pr/1", std::string(40, '3'));
  GivenFile("datasets--gpt2", '5', "data", 'c', "012");

  const CacheListing listing = List();

  EXPECT_THAT(listing.warnings, IsEmpty());
  EXPECT_EQ(listing.total_bytes, 18U);
  ASSERT_THAT(listing.repos, SizeIs(2));
  const CachedRepo& dataset = listing.repos[0];
  EXPECT_EQ(dataset.repo, *RepoId::Parse(RepoType::kDataset, "gpt2"));
  EXPECT_EQ(dataset.size_bytes, 3U);
  const CachedRepo& model = listing.repos[1];
  EXPECT_EQ(model.repo, repo_);
  EXPECT_EQ(model.path, root() / "models--acme--otter");
  EXPECT_EQ(model.size_bytes, 15U);
  EXPECT_EQ(model.file_count, 2U);
  ASSERT_THAT(model.revisions, SizeIs(2));
  EXPECT_EQ(model.revisions[0].commit, Commit('3'));
  EXPECT_THAT(model.revisions[0].refs, ElementsAre("main", "refs/pr/1"));
  EXPECT_EQ(model.revisions[0].file_count, 2U);
  EXPECT_EQ(model.revisions[0].size_bytes, 15U);
  EXPECT_THAT(model.revisions[1].refs, IsEmpty());
  EXPECT_EQ(model.revisions[1].size_bytes, 10U);
}

TEST_F(ListTest, OneInodeCountsOnceInAllRepos) {
  GivenFile("models--acme--otter", '3', "a", 'a', "0123456789");
  GivenFile("models--acme--otter", '3', "b", 'a', "0123456789");
  GivenFile("models--acme--badger", '4', "a", 'b', "x");
  fs::remove(root() / "models--acme--badger/blobs" / Sha256('b').hex());
  fs::create_hard_link(root() / "models--acme--otter/blobs" / Sha256('a').hex(),
                       root() / "models--acme--badger/blobs" / Sha256('b').hex());
  const CacheListing listing = List();
  EXPECT_EQ(listing.total_bytes, 10U);
  ASSERT_THAT(listing.repos, SizeIs(2));
  EXPECT_EQ(listing.repos[0].size_bytes, 10U);
  EXPECT_EQ(listing.repos[1].size_bytes, 10U);
  EXPECT_EQ(listing.repos[1].file_count, 1U);
  EXPECT_EQ(listing.repos[1].revisions[0].file_count, 2U);
  EXPECT_EQ(listing.repos[1].revisions[0].size_bytes, 10U);
}

TEST_F(ListTest, TakesTheTimesOfTheBlobs) {
  GivenFile("models--acme--otter", '3', "a", 'a', "0123456789");
  GivenFile("models--acme--otter", '3', "b", 'b', "01234");
  GivenTimes("models--acme--otter/blobs/" + Sha256('a').hex(), 5'000, 1'000);
  GivenTimes("models--acme--otter/blobs/" + Sha256('b').hex(), 4'000, 2'000);
  const CacheListing listing = List();
  ASSERT_THAT(listing.repos, SizeIs(1));
  EXPECT_EQ(ToUnixMillis(listing.repos[0].last_access), 5'000'000);
  EXPECT_EQ(ToUnixMillis(listing.repos[0].revisions[0].last_modified), 2'000'000);
}

TEST_F(ListTest, CountsRegularFilesInSnapshots) {
  Given("models--acme--otter/snapshots/" + std::string(40, '3') + "/a/model", "0123456789");
  const CacheListing listing = List();
  EXPECT_THAT(listing.warnings, IsEmpty());
  EXPECT_EQ(listing.total_bytes, 10U);
}

TEST_F(ListTest, LooksAtTheReposNamedOnly) {
  GivenFile("models--acme--otter", '3', "a", 'a', "0123456789");
  GivenFile("models--acme--badger", '4', "a", 'b', "x");
  Given("stray", "");
  const CacheListing listing = List({repo_, Model("acme/none")});
  ASSERT_THAT(listing.repos, SizeIs(1));
  EXPECT_EQ(listing.repos[0].repo, repo_);
  EXPECT_THAT(listing.warnings, IsEmpty());
  EXPECT_EQ(listing.total_bytes, 10U);
}

TEST_F(ListTest, WhatIsNotARepoAtTheRootIsAWarningEach) {
  for (const char* const quiet : {".DS_Store", "Thumbs.db", "desktop.ini"}) Given(quiet, "");
  Given("version.txt", "1");
  Given("kernels--acme--fast/snapshots/x", "");
  Given("models--", "");
  EXPECT_THAT(List().warnings, UnorderedElementsAre(HasSubstr("version.txt"),
                                                    HasSubstr("kernels--acme--fast"), HasSubstr("models--")));
}

TEST_F(ListTest, ABrokenLinkIsAWarningAndTheRestIsListed) {
  GivenFile("models--acme--otter", '3', "a", 'a', "0123456789");
  GivenLink("models--acme--otter/snapshots/" + std::string(40, '3') + "/gone", "../../blobs/gone");
  const CacheListing listing = List();
  EXPECT_THAT(listing.warnings, ElementsAre(AllOf(HasSubstr("gone"), HasSubstr("not there"))));
  ASSERT_THAT(listing.repos, SizeIs(1));
  EXPECT_EQ(listing.repos[0].size_bytes, 10U);
  EXPECT_EQ(listing.repos[0].revisions[0].file_count, 1U);
}

TEST_F(ListTest, RefsToNowhereAreWarningsAndTheRestIsListed) {
  GivenFile("models--acme--otter", '3', "a", 'a', "0123456789");
  GivenRef("models--acme--otter", "main", std::string(40, '3'));
  GivenRef("models--acme--otter", "old", std::string(40, '9'));
  GivenRef("models--acme--otter", "empty", "");
  GivenRef("models--acme--otter", "main.1a2b3c4d.tmp", "333");
  const CacheListing listing = List();
  EXPECT_THAT(listing.warnings,
              UnorderedElementsAre(AllOf(HasSubstr("refs/old"), HasSubstr("no snapshot")),
                                   HasSubstr("refs/empty"), HasSubstr("refs/main.1a2b3c4d.tmp")));
  ASSERT_THAT(listing.repos, SizeIs(1));
  EXPECT_THAT(listing.repos[0].revisions[0].refs, ElementsAre("main"));
}

TEST_F(ListTest, StrayThingsInARepoAreWarningsAndTheRestIsListed) {
  GivenFile("models--acme--otter", '3', "a", 'a', "0123456789");
  Given("models--acme--otter/snapshots/stray.txt", "");
  Given("models--acme--otter/snapshots/" + std::string(40, '8'), "a file");
  const std::string folder_link = "models--acme--otter/snapshots/" + std::string(40, '3') + "/loop";
  GivenLink(folder_link, "..");
  const CacheListing listing = List();
  EXPECT_THAT(listing.warnings, UnorderedElementsAre(HasSubstr("stray.txt"), HasSubstr(std::string(40, '8')),
                                                     HasSubstr("loop")));
  ASSERT_THAT(listing.repos, SizeIs(1));
  EXPECT_THAT(listing.repos[0].revisions, SizeIs(1));
}

TEST_F(ListTest, ARepoWithoutSnapshotsIsAWarning) {
  Given("models--acme--otter/blobs/" + Sha256('a').hex(), "bytes");
  Given("models--acme--badger", "a file");
  const CacheListing listing = List();
  EXPECT_THAT(listing.repos, IsEmpty());
  EXPECT_THAT(listing.warnings,
              UnorderedElementsAre(HasSubstr("models--acme--otter"), HasSubstr("models--acme--badger")));
}

TEST_F(ListTest, APullThatFailedBeforeItsFirstFileIsNoReasonToWarn) {
  ASSERT_THAT(cache_->WriteTree(repo_, {*CommitId::Parse(std::string(40, '3')), {}}), IsOk());
  EXPECT_THAT(List().warnings, IsEmpty());
  EXPECT_THAT(List().repos, IsEmpty());
  Given("models--acme--otter/blobs/" + Sha256('b').hex() + ".1a2b3c4d.incomplete", "half");
  EXPECT_THAT(List().warnings, IsEmpty());
  Given("models--acme--otter/blobs/" + Sha256('a').hex(), "whole");
  EXPECT_THAT(List().warnings, ElementsAre(HasSubstr("no snapshots")));
}

TEST_F(ListTest, AnUnfinishedDownloadIsNoReasonToWarn) {
  GivenFile("models--acme--otter", '3', "a", 'a', "0123456789");
  Given("models--acme--otter/blobs/" + Sha256('b').hex() + ".1a2b3c4d.incomplete", "half");
  ASSERT_OK_AND_ASSIGN(const auto partial, cache_->OpenPartial(repo_, Sha256('c'), 10));
  EXPECT_THAT(List().warnings, IsEmpty());
}

TEST_F(ListTest, TheNumberOfWarningsIsBounded) {
  for (int i = 0; i < 1'100; ++i) Given("stray-" + std::to_string(i), "");
  const CacheListing listing = List();
  EXPECT_THAT(listing.warnings, SizeIs(1'001));
  EXPECT_THAT(listing.warnings.back(), HasSubstr("100 more"));
}

TEST_F(ListTest, ControlCharactersInNamesAreEscaped) {
  Given("stray\x1b[31m\n", "");
  EXPECT_THAT(List().warnings, ElementsAre(HasSubstr("stray\\x1b[31m\\x0a")));
}

}  // namespace
}  // namespace batuta::cache
