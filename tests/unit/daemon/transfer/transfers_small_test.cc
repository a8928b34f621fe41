#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

// Blobs that are kept in memory until they are whole.
namespace batuta::transfer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Call = FakeCache::Call;

TransferWorld::Setup SmallBlobs() {
  TransferWorld::Setup setup;
  setup.options.small_blob_bytes = 64 * 1024;
  return setup;
}

class TransfersSmallTest : public ::testing::Test {
 protected:
  TransferWorld world_{SmallBlobs()};
  const std::string content_ = MakeContent(40'000);
  const Entry entry_ = EntryOf(content_, BlobId::Kind::kGitSha1);
  const std::shared_ptr<FakeRangeSource> source_ = world_.Source(content_);
};

TEST_F(TransfersSmallTest, CostsOneRequestAndNoPartialFile) {
  const auto [id, observer] = world_.Join(entry_, source_);
  world_.Run();

  ASSERT_TRUE(observer->is_ok());
  EXPECT_EQ(world_.Published(entry_), content_);
  EXPECT_THAT(source_->requests(), ElementsAre(transport::ByteRange{0, 40'000}));
  EXPECT_THAT(observer->done, ElementsAre(40'000));
  EXPECT_EQ(observer->received, 40'000u);
  EXPECT_EQ(world_.cache->calls(Call::kOpen), 0u);
  EXPECT_EQ(world_.cache->calls(Call::kStage), 1u);
  EXPECT_THAT(world_.cache->Staged(), IsEmpty());
}

TEST_F(TransfersSmallTest, ACutGoesOnWhereItWas) {
  source_->SetScript([](int call, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (call == 0) answer.cut_after_bytes = 24 * 1024;
    return answer;
  });
  const auto [id, observer] = world_.Join(entry_, source_);
  ASSERT_TRUE(world_.RunUntilFinished(*observer));

  ASSERT_TRUE(observer->is_ok());
  EXPECT_EQ(world_.Published(entry_), content_);
  EXPECT_THAT(source_->requests(),
              ElementsAre(transport::ByteRange{0, 40'000}, transport::ByteRange{24 * 1024, 40'000}));
}

TEST_F(TransfersSmallTest, WrongBytesAreFetchedOnceMoreAndNeverStaged) {
  source_->SetScript([](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.wrong_byte_at = 5;
    return answer;
  });
  const auto [id, observer] = world_.Join(entry_, source_);
  ASSERT_TRUE(world_.RunUntilFinished(*observer));

  EXPECT_THAT(*observer->end, HasReason(reason::kDigestMismatch));
  EXPECT_THAT(source_->requests(), SizeIs(2));
  EXPECT_EQ(world_.cache->calls(Call::kStage), 0u);
}

TEST_F(TransfersSmallTest, WhatTheDiskSaysIsFinal) {
  for (const Call call : {Call::kStage, Call::kPublishStaged}) {
    TransferWorld world(SmallBlobs());
    world.cache->Fail(call,
                      MakeError(absl::StatusCode::kResourceExhausted, reason::kDiskFull, "full", "free"));
    const auto [id, observer] = world.Join(entry_, world.Source(content_));
    ASSERT_TRUE(world.RunUntilFinished(*observer));
    EXPECT_THAT(*observer->end, HasReason(reason::kDiskFull));
    EXPECT_THAT(world.cache->Staged(), IsEmpty());
  }
}

TEST_F(TransfersSmallTest, ABlobThatSomebodyElsePutThereMeanwhileIsAsGood) {
  const auto [id, observer] = world_.Join(entry_, source_);
  world_.cache->PutPublished(TestRepo(), entry_.blob, content_);
  world_.Run();
  EXPECT_TRUE(observer->is_ok());
}

TEST_F(TransfersSmallTest, LeavingInTheMiddleLeavesNothing) {
  source_->SetScript([](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.stall_after_bytes = 8 * 1024;
    return answer;
  });
  const auto [id, observer] = world_.Join(entry_, source_);
  world_.Run();
  world_.transfers->Leave(id);
  world_.Run();
  EXPECT_EQ(source_->open(), 0);
  EXPECT_THAT(world_.cache->Staged(), IsEmpty());
  EXPECT_FALSE(world_.cache->HasPartial(TestRepo(), entry_.blob));
}

}  // namespace
}  // namespace batuta::transfer
