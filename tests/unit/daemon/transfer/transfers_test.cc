#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/transfer/extents.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kMiB = 1 << 20;

TEST(TransfersTest, MovesABlobOverSeveralConnectionsEachByteOnce) {
  TransferWorld world;
  const std::string content = MakeContent(4 * kMiB + 123);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);

  const auto [id, observer] = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*observer));

  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(world.Published(entry), content);
  EXPECT_EQ(source->most_open(), 8);
  EXPECT_EQ(world.cache->written_bytes(), content.size());
  EXPECT_LE(source->sent_bytes(), content.size() + 16 * 8 * 1024)
      << "a chunk at most is lost where a tail is split";
  EXPECT_EQ(observer->received, content.size());
  EXPECT_EQ(observer->done.back(), content.size());
  EXPECT_TRUE(std::ranges::is_sorted(observer->done));
  EXPECT_THAT(world.cache->complaints(), IsEmpty());
}

TEST(TransfersTest, ASmallBlobCostsOneOfEach) {
  TransferWorld world;
  const std::string content = MakeContent(4'096);
  const Entry entry = EntryOf(content, BlobId::Kind::kGitSha1);
  const auto source = world.Source(content);

  const auto [id, observer] = world.Join(entry, source);
  world.Run();

  ASSERT_TRUE(observer->is_ok());
  EXPECT_EQ(world.Published(entry), content);
  EXPECT_THAT(source->requests(), ElementsAre(transport::ByteRange{0, 4'096}));
  EXPECT_THAT(observer->done, ElementsAre(4'096));
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kOpen), 1u);
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kWrite), 1u);
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kPublish), 1u);
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kRead), 0u);
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kJournal), 0u);
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kCheckpoint), 0u);
}

TEST(TransfersTest, ABlobOfNothingIsPublishedWithoutARequest) {
  for (const BlobId::Kind kind : {BlobId::Kind::kSha256, BlobId::Kind::kGitSha1}) {
    TransferWorld world;
    const Entry entry = EntryOf("", kind);
    const auto source = world.Source("");
    const auto [id, observer] = world.Join(entry, source);
    world.Run();

    EXPECT_TRUE(observer->is_ok());
    EXPECT_TRUE(world.cache->Published(TestRepo(), entry.blob).has_value());
    EXPECT_THAT(source->requests(), IsEmpty());
  }
}

TEST(TransfersTest, ABlobOfNothingUnderAnotherNameIsRefusedWithoutARequest) {
  TransferWorld world;
  Entry entry = EntryOf("something");
  entry.size_bytes = 0;
  const auto source = world.Source("something");
  const auto [id, observer] = world.Join(entry, source);
  world.Run();

  ASSERT_TRUE(observer->is_finished());
  EXPECT_THAT(*observer->end, HasReason(reason::kDigestMismatch));
  EXPECT_THAT(source->requests(), IsEmpty());
}

TEST(TransfersTest, ABlobThatIsWholeAlreadyIsDoneAtOnce) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  const Entry entry = EntryOf(content);
  world.cache->PutPublished(TestRepo(), entry.blob, content);
  const auto source = world.Source(content);

  const auto [id, observer] = world.Join(entry, source);
  world.Run();

  EXPECT_TRUE(observer->is_ok());
  EXPECT_THAT(observer->done, ElementsAre(kMiB));
  EXPECT_EQ(observer->received, 0u);
  EXPECT_THAT(source->requests(), IsEmpty());
}

TEST(TransfersTest, ResumesWhereAnEarlierRunStopped) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const Entry entry = EntryOf(content);
  world.cache->PutPartial(TestRepo(), entry.blob, content, {{0, kMiB}, {kMiB + 100'000, kMiB + 300'000}});
  const auto source = world.Source(content);

  const auto [id, observer] = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*observer));

  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(observer->received, kMiB - 200'000);
  EXPECT_EQ(observer->done.back(), 2 * kMiB);
}

TEST(TransfersTest, TheLastBytesMayArriveWhileTheHashIsFarBehind) {
  TransferWorld world;
  constexpr size_t kLeft = 24 * kMiB;  // takes the hash many steps
  const std::string content = MakeContent(kLeft + 5'000);
  const Entry entry = EntryOf(content);
  world.cache->PutPartial(TestRepo(), entry.blob, content, {{0, kLeft}});
  const auto [id, observer] = world.Join(entry, world.Source(content));
  ASSERT_TRUE(world.RunUntilFinished(*observer));
  EXPECT_TRUE(observer->is_ok());
}

TEST(TransfersTest, WhatWasWholeButUnpublishedIsHashedAndPublishedWithoutARequest) {
  TransferWorld world;
  const std::string content = MakeContent(3 * kMiB);
  const Entry entry = EntryOf(content);
  world.cache->PutPartial(TestRepo(), entry.blob, content, {{0, 3 * kMiB}});
  const auto source = world.Source(content);

  const auto [id, observer] = world.Join(entry, source);
  world.Run();

  EXPECT_TRUE(observer->is_ok());
  EXPECT_THAT(source->requests(), IsEmpty());
}

TEST(TransfersTest, ProgressIsToldAboutTenTimesASecond) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  const auto source = world.Source(content, 4'096);
  source->SetScript([](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.per_chunk = milliseconds(20);
    return answer;
  });
  const auto [id, observer] = world.Join(EntryOf(content), source);

  world.core.AdvanceAndRunUntilIdle(milliseconds(500));
  EXPECT_FALSE(observer->is_finished());
  EXPECT_GE(observer->done.size(), 4u);
  EXPECT_LE(observer->done.size(), 6u);
  EXPECT_GT(observer->done.back(), 8u * 4'096u * 15u) << "bytes in half-filled buffers count within a moment";
  ASSERT_TRUE(world.RunUntilFinished(*observer));
}

TEST(TransfersTest, JournalsAsItGoesAndSyncsMoreRarely) {
  TransferWorld world;
  const std::string content = MakeContent(4 * kMiB);
  const auto [id, observer] = world.Join(EntryOf(content), world.Source(content));
  ASSERT_TRUE(world.RunUntilFinished(*observer));

  EXPECT_GE(world.cache->calls(FakeCache::Call::kCheckpoint), 6u);
  EXPECT_LE(world.cache->calls(FakeCache::Call::kCheckpoint), 8u);
  EXPECT_GE(world.cache->calls(FakeCache::Call::kJournal), 40u);
}

TEST(TransfersTest, LeavingKeepsWhatArrived) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  source->SetScript([](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.per_chunk = milliseconds(50);
    return answer;
  });
  const auto [id, observer] = world.Join(entry, source);
  world.core.AdvanceAndRunUntilIdle(milliseconds(520));
  world.transfers->Leave(id);
  world.Run();

  EXPECT_FALSE(observer->is_finished());
  EXPECT_EQ(source->open(), 0);
  EXPECT_EQ(world.cache->open_partials(), 0);
  const uint64_t kept = Extents(world.cache->Journalled(TestRepo(), entry.blob)).total();
  EXPECT_EQ(kept, source->sent_bytes());

  const auto again = world.Source(content);
  const auto second = world.Join(entry, again);
  ASSERT_TRUE(world.RunUntilFinished(*second.observer));
  EXPECT_TRUE(second.observer->is_ok());
  EXPECT_EQ(second.observer->received, content.size() - kept);
}

TEST(TransfersTest, JoiningWhileTheFileIsBeingClosedStartsAnew) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  const auto first = world.Join(entry, source);
  world.core.AdvanceAndRunUntilIdle(Duration::zero());
  const auto slow = world.Source(content);
  ASSERT_TRUE(first.observer->is_finished());

  const Entry other = EntryOf(MakeContent(kMiB, 2));
  const auto stuck = world.Source(MakeContent(kMiB, 2));
  stuck->SetScript([](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.stall_after_bytes = 10'000;
    return answer;
  });
  const auto leaving = world.Join(other, stuck);
  world.Run();
  world.transfers->Leave(leaving.id);
  const auto joining = world.Join(other, world.Source(MakeContent(kMiB, 2)));
  world.Run();

  EXPECT_TRUE(joining.observer->is_ok());
  EXPECT_FALSE(leaving.observer->is_finished());
  EXPECT_THAT(world.cache->complaints(), IsEmpty());
}

TEST(TransfersTest, DrainKeepsWhatArrivedAndRefusesWhatComesLater) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  source->SetScript([](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.stall_after_bytes = 50'000;
    return answer;
  });
  const auto observer = world.Join(entry, source).observer;
  const auto [queued_id, left] = world.Join(EntryOf("left before"), world.Source("left before"));
  world.transfers->Leave(queued_id);
  world.Run();

  bool is_drained = false;
  world.transfers->Drain([&] {
    is_drained = true;
    EXPECT_TRUE(observer->is_finished());
  });
  EXPECT_FALSE(is_drained) << "never from inside";
  const auto late = world.Join(entry, source);
  EXPECT_FALSE(late.observer->is_finished());
  world.Run();

  EXPECT_TRUE(is_drained);
  EXPECT_THAT(*observer->end, HasReason(reason::kDaemonStopping));
  EXPECT_THAT(*late.observer->end, HasReason(reason::kDaemonStopping));
  EXPECT_FALSE(left->is_finished());
  EXPECT_EQ(world.cache->open_partials(), 0);
  world.cache->CutPower();
  EXPECT_GE(Extents(world.cache->Journalled(TestRepo(), entry.blob)).total(), 8u * 50'000u);
}

TEST(TransfersTest, TheSlowestTailIsSharedAmongIdleConnections) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const auto source = world.Source(content, 4'096);
  source->SetScript([](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.per_chunk = fetch == 0 ? milliseconds(400) : milliseconds(10);  // the first is forty times slower
    return answer;
  });
  const auto [id, observer] = world.Join(EntryOf(content), source);
  const SteadyTime begun = world.core.clock().steady();
  ASSERT_TRUE(world.RunUntilFinished(*observer));

  EXPECT_TRUE(observer->is_ok());
  // Alone, the first segment would take 16 chunks of 0.4 s: 6.4 s.
  EXPECT_LT(world.core.clock().steady() - begun, seconds(4));
  EXPECT_EQ(world.cache->written_bytes(), content.size());
  EXPECT_THAT(world.cache->complaints(), IsEmpty());
}

TEST(TransfersTest, AConnectionFarSlowerThanItsSiblingsIsDialledAnew) {
  TransferWorld::Setup setup;
  setup.options.min_piece_bytes = 256 * 1024;  // so that its tail cannot be shared
  setup.options.min_segment_bytes = 256 * 1024;
  TransferWorld world(setup);
  const std::string content = MakeContent(8 * kMiB);
  const auto source = world.Source(content, 16 * 1024);
  source->SetScript([](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.per_chunk = fetch == 0 ? seconds(10) : milliseconds(100);
    return answer;
  });
  const auto [id, observer] = world.Join(EntryOf(content), source);
  const SteadyTime begun = world.core.clock().steady();
  ASSERT_TRUE(world.RunUntilFinished(*observer));

  EXPECT_TRUE(observer->is_ok());
  EXPECT_LT(world.core.clock().steady() - begun, seconds(20));
  EXPECT_THAT(observer->waits, IsEmpty());
}

}  // namespace
}  // namespace batuta::transfer
