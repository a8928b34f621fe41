#include "daemon/transfer/blob_committer.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_transfer/fake_cache.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::transfer {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class BlobCommitterTest : public ::testing::Test {
 protected:
  void Add(const std::string& content) {
    const BlobId blob = BlobIdOf(content);
    auto staged = cache_.Stage(TestRepo(), blob, std::as_bytes(std::span(content)));
    ASSERT_THAT(staged, IsOk());
    committer_.Add(*std::move(staged), [this](const absl::Status& status) { results_.push_back(status); });
  }

  uint64_t groups() const { return cache_.calls(FakeCache::Call::kPublishStaged); }

  ManualTaskRunner runner_;
  ManualWorkerPool disk_{runner_};
  FakeCache cache_;
  BlobCommitter committer_{cache_, disk_};
  std::vector<absl::Status> results_;
};

TEST_F(BlobCommitterTest, OneThatComesAloneIsPublishedAtOnce) {
  Add("a");
  runner_.RunUntilIdle();
  EXPECT_EQ(groups(), 1u);
  EXPECT_THAT(results_, SizeIs(1));
  EXPECT_EQ(cache_.Published(TestRepo(), BlobIdOf("a")), "a");

  Add("b");
  runner_.RunUntilIdle();
  EXPECT_EQ(groups(), 2u);
}

TEST_F(BlobCommitterTest, ThoseThatComeWhileTheDiskIsBusyArePublishedTogether) {
  for (char c = 'a'; c <= 'z'; ++c) Add(std::string(1, c));
  runner_.RunUntilIdle();
  EXPECT_EQ(groups(), 1u);
  EXPECT_THAT(results_, SizeIs(26));
  EXPECT_THAT(results_, Each(IsOk()));
}

TEST_F(BlobCommitterTest, AGroupThatFailsLeavesNothingBehindAndTheNextOneIsTriedAgain) {
  cache_.Fail(FakeCache::Call::kPublishStaged, absl::UnavailableError("the disk"), 0, 1);
  Add("a");
  Add("b");
  runner_.RunUntilIdle();
  EXPECT_THAT(results_, Each(StatusIs(absl::StatusCode::kUnavailable)));
  EXPECT_THAT(cache_.Staged(), IsEmpty());

  Add("a");
  runner_.RunUntilIdle();
  EXPECT_THAT(results_.back(), IsOk());
}

}  // namespace
}  // namespace batuta::transfer
