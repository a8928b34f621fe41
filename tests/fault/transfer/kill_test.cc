#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/transfer/extents.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"

// kill -9 and power cuts: what was journalled is not fetched again, and the result is right.
namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;

constexpr size_t kMiB = 1 << 20;

FakeRangeSource::Answer Paced() {
  FakeRangeSource::Answer answer;
  answer.per_chunk = milliseconds(10);
  return answer;
}

TEST(KillTest, OnlyUnjournalledBytesAreAskedForAgain) {
  const std::string content = MakeContent(4 * kMiB);
  const Entry entry = EntryOf(content);
  const auto cache = std::make_shared<FakeCache>();
  uint64_t received_before = 0;
  {
    TransferWorld world({SmallOptions(), 64, 16 * 1024, cache});
    const auto source = world.Source(content);
    source->SetScript([](int, transport::ByteRange) { return Paced(); });
    world.Join(entry, source);
    world.core.AdvanceAndRunUntilIdle(milliseconds(300));
    received_before = source->sent_bytes();
    world.Kill();
  }
  const Extents journalled(cache->Journalled(TestRepo(), entry.blob));
  EXPECT_GT(journalled.total(), 0u);
  // A journal interval, and what was in the buffers of eight connections.
  EXPECT_LE(received_before - journalled.total(), 64u * 1024 + 8u * 16 * 1024);

  TransferWorld world({SmallOptions(), 64, 16 * 1024, cache});
  const auto source = world.Source(content);
  const auto [id, observer] = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*observer));
  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(world.Published(entry), content);
  EXPECT_EQ(observer->received, content.size() - journalled.total());
  for (const transport::ByteRange& range : source->requests()) {
    for (const Extent& extent : journalled.list()) {
      EXPECT_TRUE(range.end <= extent.begin || extent.end <= range.begin);
    }
  }
  EXPECT_THAT(cache->complaints(), IsEmpty());
}

TEST(KillTest, TwentyKillsAtRandomMomentsCostATenthAtMost) {
  TransferOptions options = SmallOptions();
  options.min_segment_bytes = 1 * kMiB;
  options.max_segment_bytes = 4 * kMiB;
  const std::string content = MakeContent(24 * kMiB);
  const Entry entry = EntryOf(content);
  const auto cache = std::make_shared<FakeCache>();
  std::mt19937 random(3);
  uint64_t received = 0;
  for (int kill = 0; kill < 20; ++kill) {
    TransferWorld world({options, 64, 8 * 1024, cache});
    const auto source = world.Source(content, 4 * 1024);
    source->SetScript([](int, transport::ByteRange) { return Paced(); });
    world.Join(entry, source);
    world.core.AdvanceAndRunUntilIdle(milliseconds(random() % 500));
    received += source->sent_bytes();
    world.Kill();
  }
  TransferWorld world({options, 64, 8 * 1024, cache});
  const auto source = world.Source(content);
  const auto [id, observer] = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*observer));
  received += observer->received;

  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(world.Published(entry), content);
  EXPECT_LE(received, content.size() + content.size() / 10);
  EXPECT_THAT(cache->complaints(), IsEmpty());
}

TEST(KillTest, APowerCutLosesWhatWasNotCheckpointed) {
  const std::string content = MakeContent(4 * kMiB);
  const Entry entry = EntryOf(content);
  const auto cache = std::make_shared<FakeCache>();
  {
    TransferWorld world({SmallOptions(), 64, 16 * 1024, cache});
    const auto source = world.Source(content);
    source->SetScript([](int, transport::ByteRange) { return Paced(); });
    world.Join(entry, source);
    world.core.AdvanceAndRunUntilIdle(milliseconds(300));
    cache->CutPower();
    world.Kill();
  }
  const uint64_t kept = Extents(cache->Journalled(TestRepo(), entry.blob)).total();
  EXPECT_GE(kept, 512u * 1024);

  TransferWorld world({SmallOptions(), 64, 16 * 1024, cache});
  const auto [id, observer] = world.Join(entry, world.Source(content));
  ASSERT_TRUE(world.RunUntilFinished(*observer));
  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(observer->received, content.size() - kept);
}

// The process dies after the n-th task of any thread, for every n of a small transfer.
TEST(KillTest, AtAnyTaskTheNextRunEndsWell) {
  const std::string content = MakeContent(200'000);
  const Entry entry = EntryOf(content);
  for (int allowed = 0; allowed < 400; ++allowed) {
    SCOPED_TRACE(allowed);
    const auto cache = std::make_shared<FakeCache>();
    bool was_through = false;
    {
      TransferWorld world({SmallOptions(), 64, 16 * 1024, cache});
      const auto source = world.Source(content, 16 * 1024);
      int asked = 0;
      source->SetScript([&](int, transport::ByteRange) { return Paced(); });
      const auto [id, observer] = world.Join(entry, source);
      for (; asked < allowed && !observer->is_finished(); ++asked) {
        if (world.disk->RunOne()) continue;
        world.core.AdvanceAndRunUntilIdle(milliseconds(1));
      }
      was_through = observer->is_finished();
      world.Kill();
    }
    TransferWorld world({SmallOptions(), 64, 16 * 1024, cache});
    const auto [id, observer] = world.Join(entry, world.Source(content));
    ASSERT_TRUE(world.RunUntilFinished(*observer));
    ASSERT_TRUE(observer->is_ok());
    ASSERT_EQ(world.Published(entry), content);
    ASSERT_THAT(cache->complaints(), IsEmpty());
    if (was_through) return;
  }
  FAIL() << "the transfer never ended within its tasks";
}

}  // namespace
}  // namespace batuta::transfer
