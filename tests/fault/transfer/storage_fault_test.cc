#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/transfer/extents.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

// Every way in which the disk can fail: the transfer ends with that error, nothing is visible, and it can be
// tried again.
namespace batuta::transfer {
namespace {

using ::testing::IsEmpty;

constexpr size_t kMiB = 1 << 20;

absl::Status DiskFull() {
  return MakeError(absl::StatusCode::kResourceExhausted, reason::kDiskFull, "no space left on the disk");
}

struct StorageFault {
  const char* what;
  FakeCache::Call call;
  uint64_t skip;
};

class StorageFaultTest : public ::testing::TestWithParam<StorageFault> {};

TEST_P(StorageFaultTest, EndsTheTransferAndASecondTryGoesOn) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  world.cache->Fail(GetParam().call, DiskFull(), GetParam().skip);

  const auto first = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*first.observer));
  EXPECT_THAT(*first.observer->end, HasReason(reason::kDiskFull));
  EXPECT_EQ(source->open(), 0);
  EXPECT_EQ(world.cache->open_partials(), 0);
  EXPECT_EQ(world.Published(entry), "");

  world.cache->Heal();
  const uint64_t kept = Extents(world.cache->Journalled(TestRepo(), entry.blob)).total();
  const auto second = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*second.observer));
  EXPECT_TRUE(second.observer->is_ok());
  EXPECT_EQ(world.Published(entry), content);
  EXPECT_EQ(second.observer->received, content.size() - kept);
  EXPECT_THAT(world.cache->complaints(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(EachStep, StorageFaultTest,
                         ::testing::Values(StorageFault{"Open", FakeCache::Call::kOpen, 0},
                                           StorageFault{"FirstWrite", FakeCache::Call::kWrite, 0},
                                           StorageFault{"LaterWrite", FakeCache::Call::kWrite, 40},
                                           StorageFault{"LastWrite", FakeCache::Call::kWrite,
                                                        2 * kMiB / (16 * 1024) - 1},
                                           StorageFault{"ReadBack", FakeCache::Call::kRead, 0},
                                           StorageFault{"Journal", FakeCache::Call::kJournal, 3},
                                           StorageFault{"Checkpoint", FakeCache::Call::kCheckpoint, 1},
                                           StorageFault{"Publish", FakeCache::Call::kPublish, 0}),
                         [](const auto& fault) { return std::string(fault.param.what); });

TEST(StorageFaultsTest, ADiskThatFailsWhileStartingOverEndsIt) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  const auto source = world.Source(content);
  source->SetScript([](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.wrong_byte_at = 10;
    return answer;
  });
  world.cache->Fail(FakeCache::Call::kStartOver, DiskFull());
  const auto [id, observer] = world.Join(EntryOf(content), source);
  ASSERT_TRUE(world.RunUntilFinished(*observer));
  EXPECT_THAT(*observer->end, HasReason(reason::kDiskFull));
  EXPECT_EQ(world.cache->open_partials(), 0);
}

TEST(StorageFaultsTest, AFullDiskWhileConnectionsWaitForBuffersEndsIt) {
  TransferWorld::Setup setup;
  setup.buffers = 2;
  TransferWorld world(setup);
  const std::string content = MakeContent(2 * kMiB);
  const auto source = world.Source(content);
  world.cache->Fail(FakeCache::Call::kWrite, DiskFull(), 5);
  const auto [id, observer] = world.Join(EntryOf(content), source);
  world.Run();
  ASSERT_TRUE(observer->is_finished());
  EXPECT_THAT(*observer->end, HasReason(reason::kDiskFull));
  EXPECT_EQ(source->open(), 0);
}

TEST(StorageFaultsTest, AJournalThatCannotBeKeptWhileLeavingDoesNoHarm) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  source->SetScript([](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.per_chunk = std::chrono::milliseconds(20);
    return answer;
  });
  const auto first = world.Join(entry, source);
  world.core.AdvanceAndRunUntilIdle(std::chrono::milliseconds(100));
  world.cache->Fail(FakeCache::Call::kCheckpoint, DiskFull());
  world.transfers->Leave(first.id);
  world.Run();
  EXPECT_EQ(world.cache->open_partials(), 0);

  world.cache->Heal();
  const auto second = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*second.observer));
  EXPECT_TRUE(second.observer->is_ok());
}

TEST(StorageFaultsTest, ABelievedPrefixThatIsDamagedIsFoundAndFetchedAnew) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  const Entry entry = EntryOf(content);
  std::string damaged = content;
  damaged[1'000] ^= 1;
  world.cache->PutPartial(TestRepo(), entry.blob, damaged, {{0, 500'000}});
  const auto [id, observer] = world.Join(entry, world.Source(content));
  ASSERT_TRUE(world.RunUntilFinished(*observer));
  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(world.Published(entry), content);
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kStartOver), 1u);
}

}  // namespace
}  // namespace batuta::transfer
