#include "daemon/transfer/hash_front.h"

#include <memory>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/fake_transfer/fake_cache.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::transfer {
namespace {

constexpr uint64_t kSize = 1'000'000;

class HashFrontTest : public ::testing::Test {
 protected:
  void Write(Extent extent) {
    const auto bytes = std::as_bytes(std::span(content_)).subspan(extent.begin, extent.end - extent.begin);
    ASSERT_THAT(partial_->WriteAt(extent.begin, bytes), IsOk());
    written_.Add(extent);
    front_.OnWritten(extent.begin, bytes);
    checks_.OnArrived(extent.begin, bytes);
  }

  const std::string content_ = MakeContent(kSize);
  const BlobId blob_ = BlobIdOf(content_);
  FakeCache cache_;
  std::unique_ptr<cache::Partial> partial_ = *cache_.OpenPartial(TestRepo(), blob_, kSize);
  Extents written_;
  PieceChecks checks_{kSize, {}};
  HashFront front_{BlobId::Kind::kSha256, kSize};
};

TEST_F(HashFrontTest, BytesInOrderAreNeverReadBack) {
  for (uint64_t at = 0; at < kSize; at += 100'000) Write({at, at + 100'000});

  EXPECT_EQ(front_.front(), kSize);
  EXPECT_FALSE(written_.EndOfRun(0) > front_.front());
  EXPECT_THAT(front_.CatchUp(*partial_, written_.EndOfRun(0), checks_, kSize), IsOk());
  EXPECT_EQ(cache_.calls(FakeCache::Call::kRead), 0u);
  EXPECT_THAT(front_.Finish(), IsOkAndHolds(blob_.hex()));
}

TEST_F(HashFrontTest, BytesAheadOfTheFrontAreReadBackOnceItReachesThem) {
  Write({600'000, kSize});
  EXPECT_FALSE(written_.EndOfRun(0) > front_.front());
  Write({0, 600'000});
  EXPECT_EQ(front_.front(), 600'000u);
  EXPECT_TRUE(written_.EndOfRun(0) > front_.front());

  ASSERT_THAT(front_.CatchUp(*partial_, written_.EndOfRun(0), checks_, kSize), IsOk());
  EXPECT_THAT(front_.Finish(), IsOkAndHolds(blob_.hex()));
}

TEST_F(HashFrontTest, OneStepReadsNoMoreThanItMay) {
  Write({1, kSize});
  Write({0, 1});
  ASSERT_THAT(front_.CatchUp(*partial_, written_.EndOfRun(0), checks_, 300'000), IsOk());
  EXPECT_EQ(front_.front(), 300'001u);
  ASSERT_THAT(front_.CatchUp(*partial_, written_.EndOfRun(0), checks_, 0), IsOk());
  EXPECT_EQ(front_.front(), 300'001u);
}

TEST_F(HashFrontTest, StopsAtTheFirstHole) {
  Write({0, 100});
  Write({200, 300});
  ASSERT_THAT(front_.CatchUp(*partial_, written_.EndOfRun(0), checks_, kSize), IsOk());
  EXPECT_EQ(front_.front(), 100u);
}

TEST_F(HashFrontTest, AFileThatHasLostBytesIsAnErrorOfTheDisk) {
  const Extents claimed({{0, 100}});  // nothing was written
  const absl::Status status = front_.CatchUp(*partial_, claimed.EndOfRun(0), checks_, kSize).status();
  EXPECT_THAT(status, HasReason(reason::kStorageFailed));
}

}  // namespace
}  // namespace batuta::transfer
