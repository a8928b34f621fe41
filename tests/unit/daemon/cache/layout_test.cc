#include "daemon/cache/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

using ::testing::Optional;

TEST(LayoutTest, PutsEverythingWhereThePythonLibraryPutsIt) {
  const Layout layout("/hub");
  const RepoId repo = Model("acme/otter-7b");
  const std::string sha256(64, 'a');
  const std::string commit(40, '3');
  EXPECT_EQ(layout.Blob(repo, Sha256('a')), "/hub/models--acme--otter-7b/blobs/" + sha256);
  EXPECT_EQ(layout.Snapshot(repo, Commit('3')), "/hub/models--acme--otter-7b/snapshots/" + commit);
  EXPECT_EQ(layout.Ref(repo, *Revision::Parse("refs/pr/1")), "/hub/models--acme--otter-7b/refs/refs/pr/1");
  EXPECT_EQ(layout.Tree(repo, Commit('3')), "/hub/models--acme--otter-7b/trees/" + commit + ".json");
  EXPECT_EQ(layout.NoExist(repo, Commit('3')), "/hub/models--acme--otter-7b/.no_exist/" + commit);
  EXPECT_EQ(layout.Lock(repo, Sha256('a')), "/hub/.locks/models--acme--otter-7b/" + sha256 + ".lock");
  EXPECT_EQ(layout.Repo(Model("gpt2")), "/hub/models--gpt2");
}

TEST(LayoutTest, ALinkClimbsOneFolderMoreForEachOnItsWay) {
  const std::string hex(40, 'c');
  EXPECT_EQ(LinkText(*RepoPath::Parse("config.json"), GitSha1('c')), "../../blobs/" + hex);
  EXPECT_EQ(LinkText(*RepoPath::Parse("onnx/model.onnx"), GitSha1('c')), "../../../blobs/" + hex);
  EXPECT_EQ(LinkText(*RepoPath::Parse("a/b/c"), GitSha1('c')), "../../../../blobs/" + hex);
}

TEST(LayoutTest, ReadsBackThePartNamesOfItsOwnInstanceOnly) {
  const std::string name = PartName(Sha256('a'), "1a2b3c4d");
  EXPECT_EQ(name, std::string(64, 'a') + ".1a2b3c4d.batuta-part");
  EXPECT_THAT(BlobOfPartName(name, "1a2b3c4d"), Optional(Sha256('a')));
  EXPECT_EQ(BlobOfPartName(name, "ffffffff"), std::nullopt);
  EXPECT_EQ(BlobOfPartName(std::string(64, 'a') + ".1a2b3c4d.incomplete", "1a2b3c4d"), std::nullopt);
  EXPECT_EQ(BlobOfPartName("x.1a2b3c4d.batuta-part", "1a2b3c4d"), std::nullopt);
  EXPECT_EQ(BlobOfPartName(std::string(64, 'a'), "1a2b3c4d"), std::nullopt);
}

}  // namespace
}  // namespace batuta::cache
