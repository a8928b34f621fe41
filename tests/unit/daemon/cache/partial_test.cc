#include "daemon/cache/partial.h"

#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "daemon/cache/layout.h"
#include "tests/support/files/fake_file_system.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/cache/cache_fixture.h"

namespace batuta::cache {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PartialTest : public CacheTest {
 protected:
  std::unique_ptr<Partial> Open(uint64_t size_bytes = 10) {
    auto partial = cache_->OpenPartial(repo_, blob_, size_bytes);
    EXPECT_THAT(partial, IsOk());
    return partial.ok() ? *std::move(partial) : nullptr;
  }

  std::string ReadPart(Partial& partial, size_t length) {
    std::string text(length, '?');
    const auto count = partial.ReadAt(0, std::as_writable_bytes(std::span(text)));
    EXPECT_THAT(count, IsOkAndHolds(length));
    return text;
  }

  fs::path blobs() const { return root() / "models--acme--otter/blobs"; }

  fs::path part() { return blobs() / PartName(blob_, instance()); }

  fs::path whole() const { return blobs() / blob_.hex(); }

  const BlobId blob_ = Sha256('a');
};

TEST_F(PartialTest, BecomesTheBlobWhenPublished) {
  const auto partial = Open();
  EXPECT_THAT(partial->believed(), IsEmpty());
  EXPECT_EQ(partial->blob(), blob_);
  EXPECT_EQ(partial->size_bytes(), 10U);
  ASSERT_THAT(partial->WriteAt(5, BytesOf("56789")), IsOk());
  ASSERT_THAT(partial->WriteAt(0, BytesOf("01234")), IsOk());
  EXPECT_FALSE(fs::exists(whole()));

  ASSERT_THAT(partial->Publish({}), IsOk());

  EXPECT_EQ(Read(whole()), "0123456789");
  EXPECT_THAT(Tree("models--acme--otter/blobs"), ElementsAre(blob_.hex()));
  EXPECT_THAT(store_.Get(metadata::Table::kPartials, "models--acme--otter/" + blob_.hex()),
              IsOkAndHolds(std::nullopt));
}

TEST_F(PartialTest, PublishesAnEmptyBlob) {
  ASSERT_THAT(Open(0)->Publish({}), IsOk());
  EXPECT_EQ(Read(whole()), "");
}

TEST_F(PartialTest, APublishedBlobHasTheModeOfANewFile) {
  const mode_t old_mask = ::umask(027);
  const absl::Status status = PutBlob(*cache_, repo_, blob_, "0123456789");
  ::umask(old_mask);
  ASSERT_THAT(status, IsOk());

  struct stat info {};

  ASSERT_EQ(::stat(whole().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
}

TEST_F(PartialTest, AWholeBlobIsNotOpenedAgain) {
  ASSERT_THAT(PutBlob(*cache_, repo_, blob_, "0123456789"), IsOk());
  EXPECT_THAT(cache_->OpenPartial(repo_, blob_, 10), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(PartialTest, ABlobOfTheWrongSizeIsReplaced) {
  Given(whole(), "an error page");
  ASSERT_THAT(PutBlob(*cache_, repo_, blob_, "0123456789"), IsOk());
  EXPECT_EQ(Read(whole()), "0123456789");
}

TEST_F(PartialTest, ABlobThatAnotherToolPutThereMeanwhileIsAsGood) {
  const auto partial = Open();
  ASSERT_THAT(partial->WriteAt(0, BytesOf("0123456789")), IsOk());
  Given(whole(), "0123456789");
  EXPECT_THAT(partial->Publish({}), IsOk());
  EXPECT_EQ(Read(whole()), "0123456789");
}

TEST_F(PartialTest, WhatWasJournalledIsBelievedInTheSameBoot) {
  {
    const auto partial = Open();
    ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
    ASSERT_THAT(partial->WriteAt(6, BytesOf("67")), IsOk());
    ASSERT_THAT(partial->Journal({{0, 4}, {6, 8}}, {}), IsOk());
  }
  Reopen("boot-1");
  const auto partial = Open();
  EXPECT_THAT(partial->believed(), ElementsAre(Extent{0, 4}, Extent{6, 8}));
  EXPECT_EQ(ReadPart(*partial, 4), "0123");
}

TEST_F(PartialTest, OnlyWhatWasCheckpointedIsBelievedInTheNextBoot) {
  {
    const auto partial = Open();
    ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 4}}, {}), IsOk());
    ASSERT_THAT(partial->WriteAt(4, BytesOf("4567")), IsOk());
    ASSERT_THAT(partial->Journal({{0, 8}}, {}), IsOk());
  }
  Reopen("boot-2");
  {
    const auto partial = Open();
    EXPECT_THAT(partial->believed(), ElementsAre(Extent{0, 4}));
    EXPECT_EQ(fs::file_size(part()), 4U);
    ASSERT_THAT(partial->Journal({{0, 4}}, {}), IsOk());
  }
  Reopen("boot-3");
  EXPECT_THAT(Open()->believed(), ElementsAre(Extent{0, 4}));
}

TEST_F(PartialTest, KeepsTheSumsOfPieces) {
  const PieceSums sums{.piece_bytes = 4, .by_piece = {{0, 17}, {1, ~uint64_t{0}}}};
  {
    const auto partial = Open();
    EXPECT_EQ(partial->sums(), PieceSums());
    ASSERT_THAT(partial->WriteAt(0, BytesOf("01234567")), IsOk());
    ASSERT_THAT(partial->Journal({{0, 8}}, sums), IsOk());
  }
  Reopen("boot-1");
  EXPECT_EQ(Open()->sums(), sums);
}

TEST_F(PartialTest, WhatIsGivenUpIsNotBelievedThoughItWasSynced) {
  {
    const auto partial = Open();
    ASSERT_THAT(partial->WriteAt(0, BytesOf("01234567")), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 8}}, {}), IsOk());
    ASSERT_THAT(partial->Journal({{0, 4}}, {}), IsOk());
  }
  store_.CutPower();
  Reopen("boot-2");
  EXPECT_THAT(Open()->believed(), ElementsAre(Extent{0, 4}));
}

TEST_F(PartialTest, WhatWasNeverJournalledIsNotBelieved) {
  { ASSERT_THAT(Open()->WriteAt(0, BytesOf("0123")), IsOk()); }
  Reopen();
  EXPECT_THAT(Open()->believed(), IsEmpty());
  EXPECT_EQ(fs::file_size(part()), 0U);
}

TEST_F(PartialTest, AFileThatWasCutShortIsBelievedUpToItsEnd) {
  {
    const auto partial = Open();
    ASSERT_THAT(partial->WriteAt(0, BytesOf("01234567")), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 8}}, {}), IsOk());
  }
  fs::resize_file(part(), 3);
  EXPECT_THAT(Open()->believed(), ElementsAre(Extent{0, 3}));
}

TEST_F(PartialTest, ABlobOfAnotherSizeStartsOver) {
  {
    const auto partial = Open(10);
    ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 4}}, {}), IsOk());
  }
  EXPECT_THAT(Open(20)->believed(), IsEmpty());
}

TEST_F(PartialTest, StartingOverForgetsForGood) {
  {
    const auto partial = Open();
    ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 4}}, {}), IsOk());
    ASSERT_THAT(partial->StartOver(), IsOk());
    ASSERT_THAT(partial->WriteAt(0, BytesOf("xxxx")), IsOk());
  }
  store_.CutPower();
  Reopen("boot-2");
  EXPECT_THAT(Open()->believed(), IsEmpty());
}

TEST_F(PartialTest, DiscardingLeavesNothing) {
  const auto partial = Open();
  ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
  ASSERT_THAT(partial->Checkpoint({{0, 4}}, {}), IsOk());
  ASSERT_THAT(partial->Discard(), IsOk());
  EXPECT_THAT(Tree("models--acme--otter/blobs"), IsEmpty());
  store_.CutPower();
  EXPECT_THAT(Open()->believed(), IsEmpty());
}

TEST_F(PartialTest, HasOneUserAtATime) {
  auto first = Open();
  const auto second = cache_->OpenPartial(repo_, blob_, 10);
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(second, HasReason("DAEMON_BUSY"));
  first.reset();
  EXPECT_THAT(cache_->OpenPartial(repo_, blob_, 10), IsOk());
}

TEST_F(PartialTest, RefusesToWriteBeyondTheSize) {
  const auto partial = Open();
  EXPECT_THAT(partial->WriteAt(8, BytesOf("xxx")), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(partial->WriteAt(~uint64_t{0}, BytesOf("xx")), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(fs::file_size(part()), 0U);
}

TEST_F(PartialTest, RefusesExtentsThatAreNotInForm) {
  const auto partial = Open();
  for (const std::vector<Extent>& bad :
       std::vector<std::vector<Extent>>{{{0, 11}}, {{3, 3}}, {{0, 5}, {5, 8}}, {{6, 8}, {0, 2}}}) {
    EXPECT_THAT(partial->Journal(bad, {}), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(partial->Checkpoint(bad, {}), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(PartialTest, IsNotPublishedShort) {
  const auto partial = Open();
  ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
  EXPECT_THAT(partial->Publish({}), HasReason("DIGEST_MISMATCH"));
  EXPECT_FALSE(fs::exists(whole()));
}

TEST_F(PartialTest, SaysSoWhenItsFileWasRemovedMeanwhile) {
  const auto partial = Open();
  ASSERT_THAT(partial->WriteAt(0, BytesOf("0123456789")), IsOk());
  fs::remove_all(root() / "models--acme--otter");
  const absl::Status status = partial->Publish({});
  EXPECT_THAT(status, HasReason("STORAGE_FAILED"));
  EXPECT_THAT(status, HasMessage(HasSubstr("removed while it was being written")));
  EXPECT_THAT(PutBlob(*cache_, repo_, blob_, "0123456789"), IsOk());
}

TEST_F(PartialTest, DoesNotPublishAFileThatTookItsName) {
  const auto partial = Open();
  ASSERT_THAT(partial->WriteAt(0, BytesOf("0123456789")), IsOk());
  fs::remove(part());
  Given(part(), "not it");
  EXPECT_THAT(partial->Publish({}), HasReason("STORAGE_FAILED"));
  EXPECT_FALSE(fs::exists(whole()));
}

TEST_F(PartialTest, ASymlinkInThePlaceOfItsFileIsNotFollowed) {
  Given("elsewhere", "precious");
  GivenLink(part(), (root() / "elsewhere").native());
  EXPECT_THAT(cache_->OpenPartial(repo_, blob_, 10), HasReason("STORAGE_FAILED"));
  EXPECT_EQ(Read("elsewhere"), "precious");
}

TEST_F(PartialTest, DisjointRangesMayBeWrittenSideBySide) {
  constexpr size_t kThreads = 4;
  constexpr size_t kEach = 100'000;
  const auto partial = Open(kThreads * kEach);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string bytes(1000, static_cast<char>('a' + t));
      for (size_t at = 0; at < kEach; at += bytes.size()) {
        EXPECT_THAT(partial->WriteAt(t * kEach + at, BytesOf(bytes)), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_THAT(partial->Publish({}), IsOk());
  const std::string content = Read(whole());
  for (size_t t = 0; t < kThreads; ++t) {
    EXPECT_EQ(content.substr(t * kEach, kEach), std::string(kEach, static_cast<char>('a' + t)));
  }
}

// A sync that failed may have lost what the kernel had taken: it must not be believed even while the machine
// stays up.
TEST(PartialSyncTest, AfterAFailedSyncOnlyTheLastCheckpointIsBelieved) {
  FakeFileSystem files;
  metadata::FakeMetadataStore store;
  const auto cache = Cache::Open({"/hub", "boot-1"}, files, store);
  ASSERT_THAT(cache, IsOk());
  const RepoId repo = Model("acme/otter");
  {
    ASSERT_OK_AND_ASSIGN(const auto partial, (*cache)->OpenPartial(repo, Sha256('a'), 10));
    ASSERT_THAT(partial->WriteAt(0, BytesOf("0123")), IsOk());
    ASSERT_THAT(partial->Checkpoint({{0, 4}}, {}), IsOk());
    ASSERT_THAT(partial->WriteAt(4, BytesOf("4567")), IsOk());
    ASSERT_THAT(partial->Journal({{0, 8}}, {}), IsOk());
    files.Inject({EIO, FakeFileSystem::Call::kSync, "batuta-part"});
    EXPECT_THAT(partial->Checkpoint({{0, 8}}, {}), HasReason("STORAGE_FAILED"));
  }
  ASSERT_OK_AND_ASSIGN(const auto partial, (*cache)->OpenPartial(repo, Sha256('a'), 10));
  EXPECT_THAT(partial->believed(), ElementsAre(Extent{0, 4}));
}

}  // namespace
}  // namespace batuta::cache
