// Opening: the root, its abilities, and what an earlier run left behind.
#include <cerrno>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cache/cache.h"
#include "daemon/cache/layout.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

namespace fs = std::filesystem;

using Call = FakeFileSystem::Call;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using OpenTest = CacheTest;

TEST_F(OpenTest, PutsNothingAtTheRootButWhatThePythonLibraryPutsThere) {
  EXPECT_THAT(Tree(""), ElementsAre(".locks/", "CACHEDIR.TAG"));
  EXPECT_THAT(Read("CACHEDIR.TAG"), StartsWith("Signature: 8a477f597d28d172789f06886806bc55\n"));
  EXPECT_EQ(cache_->root(), root());
}

TEST_F(OpenTest, LeavesAForeignTagAlone) {
  Given("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# theirs\n");
  Reopen();
  EXPECT_THAT(Read("CACHEDIR.TAG"), HasSubstr("theirs"));
}

TEST_F(OpenTest, FindsTheAbilitiesOfAnOrdinaryDisk) {
  EXPECT_TRUE(cache_->abilities().symlinks);
  EXPECT_TRUE(cache_->abilities().hard_links);
  EXPECT_TRUE(cache_->abilities().locks);
  ASSERT_OK_AND_ASSIGN(const SpaceInfo space, cache_->Space());
  EXPECT_GT(space.total_bytes, space.free_bytes);
}

TEST_F(OpenTest, ARootBehindASymlinkIsFine) {
  fs::create_directory_symlink(root(), folder_ / "link");
  const auto cache = Cache::Open({folder_ / "link", "boot-1"}, *files_, store_);
  ASSERT_THAT(cache, IsOk());
  EXPECT_THAT(PutBlob(**cache, repo_, Sha256('a'), "0123456789"), IsOk());
}

TEST_F(OpenTest, ARelativeRootOrAFileIsRefused) {
  const auto relative = Cache::Open({"hub", "boot-1"}, *files_, store_);
  EXPECT_THAT(relative, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(relative, HasReason("CONFIG_INVALID"));
  Given("file", "");
  EXPECT_THAT(Cache::Open({root() / "file", "boot-1"}, *files_, store_), HasReason("CONFIG_INVALID"));
}

TEST_F(OpenTest, RemovesItsOwnTempFilesAndNoOther) {
  const std::string ours = "models--acme--otter/.batuta-" + instance() + "-7.tmp";
  const std::string others = "models--acme--otter/.batuta-ffffffff-7.tmp";
  Given(ours, "half");
  Given(others, "half");
  Reopen();
  EXPECT_FALSE(fs::exists(root() / ours));
  EXPECT_TRUE(fs::exists(root() / others));
}

TEST_F(OpenTest, KeepsAPartialFileThatCanBeResumed) {
  {
    ASSERT_OK_AND_ASSIGN(const auto partial, cache_->OpenPartial(repo_, Sha256('a'), 10));
    ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 4}}, {}), IsOk());
  }
  Reopen("boot-2");
  EXPECT_THAT(Tree("models--acme--otter/blobs"), ElementsAre(PartName(Sha256('a'), instance())));
}

TEST_F(OpenTest, AfterARebootRemovesItsPartialFilesWithoutARecordAndNoOther) {
  const fs::path blobs = "models--acme--otter/blobs";
  const std::string ours = PartName(Sha256('a'), instance());
  const std::string others = PartName(Sha256('a'), "ffffffff");
  const std::string pythons = Sha256('a').hex() + ".1a2b3c4d.incomplete";
  for (const std::string& name : {ours, others, pythons, Sha256('b').hex()}) Given(blobs / name, "bytes");

  Reopen("boot-2");

  EXPECT_THAT(Tree(blobs), ElementsAre(pythons, others, Sha256('b').hex()));
}

TEST_F(OpenTest, DropsTheRecordOfAPartialFileThatIsGone) {
  {
    ASSERT_OK_AND_ASSIGN(const auto partial, cache_->OpenPartial(repo_, Sha256('a'), 10));
    ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 4}}, {}), IsOk());
  }
  fs::remove_all(root() / "models--acme--otter");
  Reopen();
  EXPECT_THAT(store_.Get(metadata::Table::kPartials, "models--acme--otter/" + Sha256('a').hex()),
              IsOkAndHolds(testing::Eq(std::nullopt)));
}

class OpenFakeTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Cache>> Open() { return Cache::Open({"/hub", "boot-1"}, files_, store_); }

  FakeFileSystem files_;
  metadata::FakeMetadataStore store_;
};

TEST_F(OpenFakeTest, FindsOutWhatTheDiskCannotDo) {
  files_.Inject({EPERM, Call::kSymlink, "", 0, FakeFileSystem::kForEver});
  files_.Inject({EOPNOTSUPP, Call::kLink, "", 0, FakeFileSystem::kForEver});
  files_.Inject({ENOSYS, Call::kLock, "", 0, FakeFileSystem::kForEver});
  ASSERT_OK_AND_ASSIGN(const auto cache, Open());
  EXPECT_FALSE(cache->abilities().symlinks);
  EXPECT_FALSE(cache->abilities().hard_links);
  EXPECT_FALSE(cache->abilities().locks);
  EXPECT_THAT(files_.Paths(), ElementsAre("/hub/", "/hub/.locks/", "/hub/CACHEDIR.TAG"));
}

TEST_F(OpenFakeTest, ABrokenDiskIsNotTakenForOneWithoutSymlinks) {
  files_.Inject({EIO, Call::kSymlink});
  EXPECT_THAT(Open(), HasReason("STORAGE_FAILED"));
}

TEST_F(OpenFakeTest, AReadOnlyRootSaysTheWayOut) {
  files_.Put("/hub/CACHEDIR.TAG", "tag");
  for (const int error_number : {EACCES, EROFS}) {
    files_.Inject({error_number, Call::kMakeFolders});
    const auto cache = Open();
    EXPECT_THAT(cache, StatusIs(absl::StatusCode::kPermissionDenied));
    EXPECT_THAT(cache, HasReason("STORAGE_READ_ONLY"));
    EXPECT_THAT(cache, HasMessage(HasSubstr("the cache /hub cannot be written")));
    EXPECT_THAT(HintOf(cache.status()), AllOf(HasSubstr("chmod u+rwx /hub"), HasSubstr("HF_HUB_CACHE")));
  }
}

TEST_F(OpenFakeTest, AFullDiskStillOpensAndTheUsualAbilitiesAreAssumed) {
  files_.Put("/hub/models--acme--otter/refs/main", std::string(40, '3'));
  for (const Call call : {Call::kMakeFolders, Call::kOpen, Call::kSymlink, Call::kLink, Call::kWrite}) {
    files_.Inject({ENOSPC, call, "", 0, FakeFileSystem::kForEver});
    ASSERT_OK_AND_ASSIGN(const auto cache, Open());
    EXPECT_TRUE(cache->abilities().symlinks);
    EXPECT_TRUE(cache->abilities().locks);
    files_.ClearFaults();
    EXPECT_THAT(cache->ReadRef(Model("acme/otter"), Revision::Main()),
                IsOkAndHolds(testing::Optional(Commit('3'))));
  }
}

TEST_F(OpenFakeTest, AbilitiesThatAFullDiskHidFirstAreFoundBeforeTheFirstWrite) {
  files_.Inject({EPERM, Call::kSymlink, "", 0, FakeFileSystem::kForEver});
  files_.Inject({ENOSPC, Call::kMakeFolders, "probe"});
  ASSERT_OK_AND_ASSIGN(const auto cache, Open());
  EXPECT_TRUE(cache->abilities().symlinks);
  ASSERT_THAT(PutBlob(*cache, Model("acme/otter"), Sha256('a'), "0123456789"), IsOk());
  EXPECT_FALSE(cache->abilities().symlinks);
}

TEST_F(OpenFakeTest, NothingIsWrittenWhileTheDiskIsTooFullToTry) {
  files_.Inject({ENOSPC, Call::kMakeFolders, "probe", 0, FakeFileSystem::kForEver});
  ASSERT_OK_AND_ASSIGN(const auto cache, Open());
  EXPECT_THAT(cache->OpenPartial(Model("acme/otter"), Sha256('a'), 10), HasReason("DISK_FULL"));
}

TEST_F(OpenFakeTest, AProbeThatWasInterruptedIsClearedAway) {
  for (uint64_t n = 1;; ++n) {
    files_.KillAtMutation(n);
    const auto cache = Open();
    if (!files_.is_down()) break;
    files_.Restart();
  }
  EXPECT_THAT(files_.Paths(), ElementsAre("/hub/", "/hub/.locks/", "/hub/CACHEDIR.TAG"));
}

TEST_F(OpenFakeTest, TheBlobsFoldersAreGoneThroughOncePerBootOnly) {
  files_.Put("/hub/models--acme--otter/blobs/" + Sha256('a').hex(), "bytes");
  ASSERT_THAT(Open(), IsOk());
  uint64_t before = files_.calls(Call::kList);
  ASSERT_THAT(Cache::Open({"/hub", "boot-1"}, files_, store_), IsOk());
  const uint64_t same_boot = files_.calls(Call::kList) - before;
  before = files_.calls(Call::kList);
  ASSERT_THAT(Cache::Open({"/hub", "boot-2"}, files_, store_), IsOk());
  EXPECT_EQ(files_.calls(Call::kList) - before, same_boot + 1);
}

TEST_F(OpenFakeTest, HandsOnWhatTheCatalogSays) {
  store_.FailReads(MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged, "damaged"));
  EXPECT_THAT(Open(), HasReason("CATALOG_DAMAGED"));
}

}  // namespace
}  // namespace batuta::cache
