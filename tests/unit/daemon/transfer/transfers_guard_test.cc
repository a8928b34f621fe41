#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

// Who guards what may be published.
namespace batuta::transfer {
namespace {

constexpr size_t kMiB = 1 << 20;

// Refuses blobs whose byte at `offset` is here and is not `wanted`.
class ByteGuard final : public BlobGuard {
 public:
  ByteGuard(uint64_t offset, char wanted) : offset_(offset), wanted_(wanted) {}

  absl::Status Check(safety::ByteSource& bytes, Arrived /*arrived*/) override {
    ++checks;
    char byte = 0;
    if (absl::Status status = bytes.Read(offset_, {&byte, 1}); !status.ok()) {
      return absl::IsOutOfRange(status) ? absl::OkStatus() : status;
    }
    if (byte == wanted_) return absl::OkStatus();
    return MakeError(absl::StatusCode::kFailedPrecondition, reason::kUnsafeContent, "not that byte");
  }

  int checks = 0;

 private:
  const uint64_t offset_;
  const char wanted_;
};

class TransfersGuardTest : public ::testing::TestWithParam<size_t> {
 protected:
  TransferWorld::Joined JoinWith(std::shared_ptr<BlobGuard> guard) {
    return world_.Join({.repo = TestRepo(), .entry = entry_, .source = source_, .guard = std::move(guard)});
  }

  std::shared_ptr<ByteGuard> Refusing(uint64_t offset) const {
    return std::make_shared<ByteGuard>(offset, static_cast<char>(content_[offset] + 1));
  }

  std::shared_ptr<ByteGuard> Admitting(uint64_t offset) const {
    return std::make_shared<ByteGuard>(offset, content_[offset]);
  }

  static TransferWorld::Setup WithSmallBlobs() {
    TransferWorld::Setup setup;
    setup.options.small_blob_bytes = 64 * 1024;
    return setup;
  }

  const std::string content_ = MakeContent(GetParam());
  const Entry entry_ = EntryOf(content_);
  TransferWorld world_{WithSmallBlobs()};
  const std::shared_ptr<FakeRangeSource> source_ = world_.Source(content_);
};

// One that is kept in memory, and one on disk.
INSTANTIATE_TEST_SUITE_P(Sizes, TransfersGuardTest, ::testing::Values(size_t{40'000}, 2 * kMiB));

TEST_P(TransfersGuardTest, WhatTheGuardRefusesIsNeitherPublishedNorKept) {
  const auto [id, observer] = JoinWith(Refusing(content_.size() - 1));
  ASSERT_TRUE(world_.RunUntilFinished(*observer));

  EXPECT_THAT(*observer->end, HasReason(reason::kUnsafeContent));
  EXPECT_EQ(world_.Published(entry_), "");
  EXPECT_EQ(source_->sent_bytes(), content_.size()) << "it is not fetched again";
  EXPECT_FALSE(world_.cache->HasPartial(TestRepo(), entry_.blob));
}

TEST_P(TransfersGuardTest, WhatTheGuardAdmitsIsPublished) {
  const auto guard = Admitting(content_.size() - 1);
  const auto [id, observer] = JoinWith(guard);
  ASSERT_TRUE(world_.RunUntilFinished(*observer));

  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(world_.Published(entry_), content_);
  EXPECT_GE(guard->checks, 1);
}

TEST_P(TransfersGuardTest, OneWhoAdmitsItGetsItAndOneWhoDoesNotIsRefused) {
  const auto [refused_id, refused] = JoinWith(Refusing(7));
  const auto [admitted_id, admitted] = JoinWith(Admitting(7));
  const auto [careless_id, careless] = JoinWith(nullptr);
  ASSERT_TRUE(world_.RunUntilFinished(*careless));
  world_.Run();

  EXPECT_THAT(*refused->end, HasReason(reason::kUnsafeContent));
  EXPECT_TRUE(admitted->is_ok());
  EXPECT_TRUE(careless->is_ok());
  EXPECT_EQ(world_.Published(entry_), content_);
}

TEST_P(TransfersGuardTest, WhenTheOneWhoWouldHaveItLeavesNothingIsPublished) {
  const auto [refused_id, refused] = JoinWith(Refusing(content_.size() - 1));
  const auto [leaving_id, leaving] = JoinWith(nullptr);
  world_.transfers->Leave(leaving_id);
  ASSERT_TRUE(world_.RunUntilFinished(*refused));

  EXPECT_THAT(*refused->end, HasReason(reason::kUnsafeContent));
  EXPECT_EQ(world_.Published(entry_), "");
}

TEST(TransfersGuardBeginningTest, WhatIsWrongFromItsFirstBytesOnIsNotFetchedToItsEnd) {
  TransferWorld world;
  const std::string content = MakeContent(8 * kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  const auto [id, observer] =
      world.Join({.repo = TestRepo(),
                  .entry = entry,
                  .source = source,
                  .guard = std::make_shared<ByteGuard>(100, static_cast<char>(content[100] + 1))});
  ASSERT_TRUE(world.RunUntilFinished(*observer));

  EXPECT_THAT(*observer->end, HasReason(reason::kUnsafeContent));
  EXPECT_LT(source->sent_bytes(), 4 * kMiB);
  EXPECT_EQ(world.Published(entry), "");
  EXPECT_FALSE(world.cache->HasPartial(TestRepo(), entry.blob));
}

}  // namespace
}  // namespace batuta::transfer
