#include "daemon/push/content_ids.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sync/sequence.h"
#include "daemon/push/local_folder.h"
#include "tests/support/clock/fake_clock.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/metadata/fake_metadata_store.h"
#include "tests/support/runner/manual_task_runner.h"
#include "tests/support/runner/manual_worker_pool.h"
#include "tests/support/status/status_matchers.h"
#include "tests/unit/daemon/push/rewrite.h"

namespace batuta::push {
namespace {

namespace fs = std::filesystem;
using metadata::Table;
using std::chrono::hours;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kHelloSha256[] = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
constexpr char kHelloGitSha1[] = "ce013625030ba8dba906f756967f9e9ca394464a";

WallTime ChangeTimeOf(const fs::path& path) {
  struct stat stat = {};
  EXPECT_EQ(::stat(path.c_str(), &stat), 0);
  return WallTime(seconds(stat.st_ctim.tv_sec) + std::chrono::nanoseconds(stat.st_ctim.tv_nsec));
}

class ContentIdsTest : public ::testing::Test {
 protected:
  ContentIdsTest() : runner_(&clock_), pool_(runner_) { Settle(); }

  // As if every file so far had been written long ago.
  void Settle() { clock_.SetWall(std::chrono::system_clock::now() + hours(1)); }

  void Write(const std::string& name, std::string_view content) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }

  std::vector<ContentIds::Wanted> Listed(NeededId need = NeededId::kBoth) {
    opened_ = *LocalFolder::Open(folder_.path());
    std::vector<ContentIds::Wanted> wanted;
    const FolderListing listing = *opened_->Walk();
    for (const LocalFile& file : listing.files) wanted.push_back({.file = file, .need = need});
    return wanted;
  }

  absl::StatusOr<ContentIds::Found> Find(std::vector<ContentIds::Wanted> wanted) {
    std::optional<absl::StatusOr<ContentIds::Found>> answer;
    ids_.Find(opened_, std::move(wanted), nullptr, [&answer](absl::StatusOr<ContentIds::Found> found) {
      EXPECT_FALSE(answer.has_value());
      answer = std::move(found);
    });
    runner_.RunUntilIdle();
    EXPECT_TRUE(answer.has_value());
    return *std::move(answer);
  }

  size_t FilesRead(NeededId need = NeededId::kBoth) {
    const auto found = Find(Listed(need));
    EXPECT_THAT(found, IsOk());
    return found.ok() ? found->files_read : 0;
  }

  size_t Records() {
    size_t count = 0;
    EXPECT_THAT(
        store_.Scan(Table::kContents, "",
                    [&](std::string_view /*key*/, std::string_view /*value*/) { return ++count > 0; }),
        IsOk());
    return count;
  }

  TempFolder folder_;
  FakeClock clock_;
  ManualTaskRunner runner_;
  ManualWorkerPool pool_;
  metadata::FakeMetadataStore store_;
  ContentIds ids_{store_, clock_, pool_, runner_, {.most_records = 20}};
  std::shared_ptr<const Folder> opened_;
};

TEST_F(ContentIdsTest, FindsBothNamesOfTheBytesAndReadsThemOnce) {
  Write("a/hello", "hello\n");
  Write("empty", "");
  ASSERT_OK_AND_ASSIGN(const ContentIds::Found found, Find(Listed()));
  ASSERT_THAT(found.ids, SizeIs(2));
  EXPECT_EQ(found.ids[0]->sha256.hex(), kHelloSha256);
  EXPECT_EQ(found.ids[0]->git_sha1->hex(), kHelloGitSha1);
  EXPECT_EQ(found.ids[1]->git_sha1->hex(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(found.files_read, 2U);
  EXPECT_EQ(found.bytes_read, 6U);
  ASSERT_OK_AND_ASSIGN(const ContentIds::Found again, Find(Listed()));
  EXPECT_EQ(again.ids, found.ids);
  EXPECT_EQ(again.files_read, 0U);
  EXPECT_EQ(again.bytes_read, 0U);
  EXPECT_EQ(ids_.Remembered(Listed()), found.ids);
}

TEST_F(ContentIdsTest, KnowsAFileUnderAnotherNameAgain) {
  Write("a", "hello\n");
  EXPECT_EQ(FilesRead(), 1U);
  fs::create_directories(folder_ / "b");
  fs::create_symlink("../a", folder_ / "b/c");
  EXPECT_EQ(FilesRead(), 0U);
}

TEST_F(ContentIdsTest, ReadsAgainWhatWasWrittenToThoughSizeAndTimeAreAsBefore) {
  Write("a", "hello\n");
  const fs::file_time_type time = fs::last_write_time(folder_ / "a");
  ASSERT_OK_AND_ASSIGN(const ContentIds::Found before, Find(Listed()));
  Rewrite(folder_ / "a", "world\n");
  fs::last_write_time(folder_ / "a", time);
  Settle();
  ASSERT_OK_AND_ASSIGN(const ContentIds::Found after, Find(Listed()));
  EXPECT_EQ(after.files_read, 1U);
  EXPECT_NE(after.ids, before.ids);
}

TEST_F(ContentIdsTest, DoesNotTrustAStampThatASecondChangeMayShare) {
  Write("a", "hello\n");
  clock_.SetWall(ChangeTimeOf(folder_ / "a") + seconds(1));
  EXPECT_EQ(FilesRead(), 1U);
  EXPECT_EQ(FilesRead(), 1U);
  clock_.SetWall(ChangeTimeOf(folder_ / "a") + seconds(2));
  EXPECT_EQ(FilesRead(), 1U);
  EXPECT_EQ(FilesRead(), 0U);
}

TEST_F(ContentIdsTest, DoesNotTrustAStampFromTheFuture) {
  Write("a", "hello\n");
  clock_.SetWall(ChangeTimeOf(folder_ / "a") - hours(1));
  EXPECT_EQ(FilesRead(), 1U);
  EXPECT_EQ(FilesRead(), 1U);
}

TEST_F(ContentIdsTest, ReadsNothingThatNobodyNeeds) {
  Write("a", "hello\n");
  ASSERT_OK_AND_ASSIGN(const ContentIds::Found found, Find(Listed(NeededId::kNone)));
  EXPECT_EQ(found.files_read, 0U);
  EXPECT_THAT(found.ids, ElementsAre(std::nullopt));
}

TEST_F(ContentIdsTest, OfALargeFileTheGitNameIsComputedOnlyWhenAsked) {
  Write("large", "");
  fs::resize_file(folder_ / "large", (100 << 20) + 1);
  ASSERT_OK_AND_ASSIGN(const ContentIds::Found one, Find(Listed(NeededId::kSha256)));
  EXPECT_EQ(one.ids[0]->git_sha1, std::nullopt);
  ASSERT_OK_AND_ASSIGN(const ContentIds::Found both, Find(Listed(NeededId::kBoth)));
  EXPECT_EQ(both.files_read, 1U);
  EXPECT_EQ(both.ids[0]->sha256, one.ids[0]->sha256);
  EXPECT_NE(both.ids[0]->git_sha1, std::nullopt);
  EXPECT_EQ(FilesRead(NeededId::kSha256), 0U);
  EXPECT_EQ(FilesRead(NeededId::kBoth), 0U);
}

TEST_F(ContentIdsTest, AFileThatIsNotAsItWasListedEndsIt) {
  Write("a", "hello\n");
  Write("b", "hello\n");
  const auto wanted = Listed();
  Rewrite(folder_ / "b", "other\n");
  EXPECT_THAT(Find(wanted), HasReason("FILE_CHANGED"));
  fs::remove(folder_ / "b");
  EXPECT_THAT(Find(wanted), HasReason("FILE_CHANGED"));
}

TEST_F(ContentIdsTest, WhatWasFoundBeforeAnErrorIsKept) {
  Write("a", "hello\n");
  Write("b", "hello\n");
  const auto wanted = Listed();
  fs::remove(folder_ / "b");
  EXPECT_THAT(Find(wanted), HasReason("FILE_CHANGED"));
  EXPECT_EQ(Records(), 1U);
}

TEST_F(ContentIdsTest, ACatalogThatFailsIsNoError) {
  Write("a", "hello\n");
  EXPECT_EQ(FilesRead(), 1U);
  store_.FailReads(absl::UnavailableError("disk"));
  EXPECT_EQ(FilesRead(), 1U);
  Write("b", "hello\n");
  Settle();
  store_.FailWrites(absl::UnavailableError("disk"));
  EXPECT_EQ(FilesRead(), 1U);
  EXPECT_EQ(FilesRead(), 1U);
  EXPECT_EQ(FilesRead(), 0U);
}

TEST_F(ContentIdsTest, ARecordThatCannotBeReadIsNone) {
  Write("a", "hello\n");
  EXPECT_EQ(FilesRead(), 1U);
  std::vector<std::pair<std::string, std::string>> records;
  ASSERT_THAT(store_.Scan(Table::kContents, "",
                          [&](std::string_view key, std::string_view value) {
                            records.emplace_back(key, value);
                            return true;
                          }),
              IsOk());
  ASSERT_THAT(records, SizeIs(1));
  const auto& [key, value] = records[0];
  for (size_t size = 0; size < value.size(); ++size) {
    ASSERT_THAT(Put(store_, Table::kContents, key, value.substr(0, size), metadata::Durability::kProcess),
                IsOk());
    const auto known = ids_.Remembered(Listed());
    // Without the second name at its end it is a record of the first one.
    EXPECT_THAT(known, ElementsAre(std::nullopt)) << size;
  }
  for (const std::string& wrong : {value + "x", "\x02" + value.substr(1)}) {
    ASSERT_THAT(Put(store_, Table::kContents, key, wrong, metadata::Durability::kProcess), IsOk());
    EXPECT_THAT(ids_.Remembered(Listed()), ElementsAre(std::nullopt));
  }
  EXPECT_EQ(FilesRead(), 1U);
  EXPECT_EQ(FilesRead(), 0U);
}

TEST_F(ContentIdsTest, ForgetsWhatWasNotAskedForTheLongest) {
  for (int i = 0; i < 10; ++i) Write(fmt::format("old/{}", i), "hello\n");
  for (int i = 0; i < 10; ++i) Write(fmt::format("used/{}", i), "hello\n");
  Settle();
  EXPECT_EQ(FilesRead(), 20U);
  fs::rename(folder_ / "old", folder_.path().native() + "-old");
  clock_.Advance(hours(48));
  EXPECT_EQ(FilesRead(), 0U);
  clock_.Advance(hours(48));
  Write("new", "hello\n");
  EXPECT_EQ(FilesRead(), 1U);
  EXPECT_EQ(Records(), 18U);
  EXPECT_EQ(FilesRead(), 0U);
  fs::rename(folder_.path().native() + "-old", folder_ / "old");
  EXPECT_EQ(FilesRead(), 3U);
}

// Larger than what is read in one go, so that others have their turn in between.
class LargeFileTest : public ContentIdsTest {
 protected:
  LargeFileTest() {
    Write("large", "");
    fs::resize_file(folder_ / "large", kBytes);
    Settle();
    auto wanted = Listed(NeededId::kSha256);
    request_ = ids_.Find(opened_, std::move(wanted), nullptr,
                         [this](absl::StatusOr<ContentIds::Found> found) { answer_ = std::move(found); });
    // The catalog, and the first part of the file.
    EXPECT_TRUE(own_pool_.RunOne() && own_pool_.RunOne());
    EXPECT_EQ(own_pool_.queued(), 1U);
  }

  static constexpr uint64_t kBytes = 80 << 20;

  ManualWorkerPool own_pool_;
  ContentIds ids_{store_, clock_, own_pool_, runner_};
  ContentIds::RequestId request_ = 0;
  std::optional<absl::StatusOr<ContentIds::Found>> answer_;
};

TEST_F(LargeFileTest, WhatIsWrittenBehindTheReaderIsNoticed) {
  const int fd = ::open((folder_ / "large").c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(::pwrite(fd, "x", 1, 7), 1);
  ::close(fd);
  own_pool_.RunUntilIdle();
  runner_.RunUntilIdle();
  EXPECT_THAT(*answer_, HasReason("FILE_CHANGED"));
  EXPECT_EQ(Records(), 0U);
}

TEST_F(LargeFileTest, AFileThatIsCutOffWhileItIsReadIsNoticed) {
  fs::resize_file(folder_ / "large", 1);
  own_pool_.RunUntilIdle();
  runner_.RunUntilIdle();
  EXPECT_THAT(*answer_, HasReason("FILE_CHANGED"));
}

// The renaming moves the change time, and who knows what else happened.
TEST_F(LargeFileTest, AFileThatIsReplacedWhileItIsReadIsNoticed) {
  Write("other", "");
  fs::resize_file(folder_ / "other", kBytes);
  fs::rename(folder_ / "other", folder_ / "large");
  own_pool_.RunUntilIdle();
  runner_.RunUntilIdle();
  EXPECT_THAT(*answer_, HasReason("FILE_CHANGED"));
}

TEST_F(LargeFileTest, MayBeCancelledInTheMiddle) {
  ids_.Cancel(request_);
  EXPECT_EQ(own_pool_.RunUntilIdle(), 1U);
  runner_.RunUntilIdle();
  EXPECT_THAT(*answer_, HasReason("CANCELLED"));
}

TEST_F(ContentIdsTest, ACancelledRequestEndsAndReadsNoFurther) {
  Write("a", "hello\n");
  std::optional<absl::StatusOr<ContentIds::Found>> answer;
  const auto id =
      ids_.Find((Listed(), opened_), Listed(), nullptr,
                [&answer](absl::StatusOr<ContentIds::Found> found) { answer = std::move(found); });
  ids_.Cancel(id);
  runner_.RunUntilIdle();
  ASSERT_TRUE(answer.has_value());
  EXPECT_THAT(*answer, HasReason("CANCELLED"));
  EXPECT_EQ(Records(), 0U);
  ids_.Cancel(id);
  ids_.Cancel(12'345);
}

TEST_F(ContentIdsTest, ManyFilesAreReadSideBySideAndTheirBytesCounted) {
  const std::unique_ptr<WorkerPool> pool = WorkerPool::Start("push", 4);
  const std::unique_ptr<Sequence> runner = Sequence::Start("answers");
  SystemClock clock;
  {
    ContentIds ids(store_, clock, *pool, *runner, {.readers = 4});
    for (int i = 0; i < 600; ++i)
      Write(fmt::format("d{}/{}", i % 7, i), std::string(static_cast<size_t>(i), 'x'));
    std::promise<absl::StatusOr<ContentIds::Found>> promise;
    ContentIds::Progress last;
    auto wanted = Listed();
    ids.Find(
        opened_, wanted,
        [&last](const ContentIds::Progress& progress) {
          EXPECT_GE(progress.done_bytes, last.done_bytes);
          EXPECT_LE(progress.done_bytes, progress.total_bytes);
          EXPECT_EQ(progress.total_bytes, 600U * 599 / 2);
          EXPECT_EQ(progress.files_total, 600U);
          last = progress;
        },
        [&promise](absl::StatusOr<ContentIds::Found> found) { promise.set_value(std::move(found)); });
    const auto found = promise.get_future().get();
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->files_read, 600U);
    EXPECT_EQ(found->bytes_read, 600U * 599 / 2);
    EXPECT_THAT(found->ids, Each(::testing::Ne(std::nullopt)));
    EXPECT_GT(last.done_bytes + last.files_done, 0U);
  }
  pool->Stop();
  runner->Stop();
}

}  // namespace
}  // namespace batuta::push
