#include <chrono>
#include <memory>
#include <span>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/transfer/piece_checks.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

// The disk damages what has arrived, before it is hashed.
namespace batuta::transfer {
namespace {

using ::testing::IsEmpty;

constexpr uint64_t kPiece = 4 << 20;
constexpr uint64_t kSize = 3 * kPiece;

cache::PieceSums SumsOf(const std::string& content) {
  PieceChecks checks(content.size(), {});
  checks.OnArrived(0, std::as_bytes(std::span(content)));
  return checks.sums();
}

class TransfersDamageTest : public ::testing::Test {
 protected:
  TransferWorld world_;
  const std::string content_ = MakeContent(kSize);
  const Entry entry_ = EntryOf(content_);
  const std::shared_ptr<FakeRangeSource> source_ = world_.Source(content_);
};

TEST_F(TransfersDamageTest, OnlyThePieceThatIsDamagedIsFetchedAgain) {
  world_.cache->PutPartial(TestRepo(), entry_.blob, content_, {{0, kSize}}, SumsOf(content_));
  world_.cache->FlipByte(TestRepo(), entry_.blob, kPiece + 17);

  const auto [id, observer] = world_.Join(entry_, source_);
  ASSERT_TRUE(world_.RunUntilFinished(*observer));

  ASSERT_TRUE(observer->is_ok());
  EXPECT_TRUE(world_.Published(entry_) == content_);
  EXPECT_EQ(observer->received, kPiece);
  for (const transport::ByteRange& range : source_->requests()) {
    EXPECT_GE(range.begin, kPiece);
    EXPECT_LE(range.end, 2 * kPiece);
  }
  EXPECT_THAT(world_.cache->complaints(), IsEmpty());
}

TEST_F(TransfersDamageTest, APieceThatIsDamagedTwiceIsFetchedTwice) {
  world_.cache->PutPartial(TestRepo(), entry_.blob, content_, {{0, kSize}}, SumsOf(content_));
  world_.cache->FlipByte(TestRepo(), entry_.blob, 0);
  world_.cache->FlipByte(TestRepo(), entry_.blob, kSize - 1);

  const auto [id, observer] = world_.Join(entry_, source_);
  ASSERT_TRUE(world_.RunUntilFinished(*observer));

  ASSERT_TRUE(observer->is_ok());
  EXPECT_TRUE(world_.Published(entry_) == content_);
  EXPECT_EQ(observer->received, 2 * kPiece);
}

TEST_F(TransfersDamageTest, DamageOfWhatAConnectionFetchedThatIsStillOpenIsMendedOnceItIsDone) {
  // The first connection has what is missing of the first piece; the second has the other two pieces, is
  // faster, and is damaged in the one that it is through with.
  TransferWorld::Setup setup;
  setup.options.connections_per_blob = 2;
  setup.options.min_segment_bytes = setup.options.max_segment_bytes = 2 * kPiece;
  setup.options.min_piece_bytes = 3 << 20;
  TransferWorld world(std::move(setup));
  world.cache->PutPartial(TestRepo(), entry_.blob, content_, {{kPiece - 1, kPiece}});
  const auto source = world.Source(content_);
  source->SetScript([](int, transport::ByteRange range) {
    FakeRangeSource::Answer answer;
    answer.per_chunk = std::chrono::milliseconds(range.begin == 0 ? 3 : 2);
    return answer;
  });
  const auto [id, observer] = world.Join(entry_, source);
  bool is_flipped = false;
  observer->on_progress = [&world, &entry = entry_, &done = observer->done, &is_flipped] {
    if (is_flipped || done.back() < kPiece / 10 * 19) return;
    is_flipped = true;
    world.cache->FlipByte(TestRepo(), entry.blob, kPiece);
  };
  ASSERT_TRUE(world.RunUntilFinished(*observer));
  ASSERT_TRUE(is_flipped);
  ASSERT_TRUE(observer->is_ok());
  EXPECT_TRUE(world.Published(entry_) == content_);
  EXPECT_EQ(observer->received, kSize - 1 + kPiece);
}

TEST_F(TransfersDamageTest, DamageOnTheWayIsNotFoundInAPieceButInTheWhole) {
  std::string wrong = content_;
  wrong[kPiece + 5] = static_cast<char>(wrong[kPiece + 5] ^ 1);
  world_.cache->PutPartial(TestRepo(), entry_.blob, wrong, {{0, kSize}}, SumsOf(wrong));

  const auto [id, observer] = world_.Join(entry_, source_);
  ASSERT_TRUE(world_.RunUntilFinished(*observer));

  ASSERT_TRUE(observer->is_ok());
  EXPECT_TRUE(world_.Published(entry_) == content_);
  EXPECT_EQ(observer->received, kSize);
}

}  // namespace
}  // namespace batuta::transfer
