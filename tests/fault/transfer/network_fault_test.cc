#include <chrono>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

// Every way in which the other side can fail, at every phase of a transfer.
namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr size_t kKiB = 1 << 10;
constexpr size_t kMiB = 1 << 20;

absl::Status LinkExpired() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kLinkExpired, "the link has run out");
}

absl::Status UpstreamChanged() {
  return MakeError(absl::StatusCode::kAborted, reason::kUpstreamChanged, "the hub has another file now");
}

class NetworkFaultTest : public ::testing::Test {
 protected:
  // Moves a blob of `size_bytes` with that script; true when it arrived.
  bool Move(TransferWorld& world, size_t size_bytes, FakeRangeSource::Script script, bool may_wait = true) {
    content_ = MakeContent(size_bytes);
    entry_ = EntryOf(content_);
    source_ = world.Source(content_);
    source_->SetScript(std::move(script));
    observer_ = world.Join(entry_, source_, Priority::kNormal, may_wait).observer;
    if (!world.RunUntilFinished(*observer_)) return false;
    EXPECT_THAT(world.cache->complaints(), IsEmpty());
    if (!observer_->is_ok()) {
      EXPECT_EQ(world.Published(entry_), "") << "nothing wrong may become visible";
      return false;
    }
    EXPECT_EQ(world.Published(entry_), content_);
    return true;
  }

  std::string content_;
  Entry entry_ = EntryOf("");
  std::shared_ptr<FakeRangeSource> source_;
  std::shared_ptr<RecordingObserver> observer_;
};

TEST_F(NetworkFaultTest, CutsOfTheFirstConnectionAnywhere) {
  for (uint64_t at = 0; at <= 512 * kKiB; at += 64 * kKiB) {
    SCOPED_TRACE(at);
    TransferWorld::Setup setup;
    setup.options.min_segment_bytes = 512 * kKiB;  // one connection carries it all
    setup.options.max_segment_bytes = 512 * kKiB;
    TransferWorld world(setup);
    ASSERT_TRUE(Move(world, 512 * kKiB, [at](int fetch, transport::ByteRange) {
      FakeRangeSource::Answer answer;
      if (fetch == 0) answer.cut_after_bytes = at;
      return answer;
    }));
    EXPECT_EQ(observer_->received, content_.size()) << "no byte is fetched twice";
  }
}

TEST_F(NetworkFaultTest, EveryConnectionCutAfterSoMuch) {
  for (const uint64_t at : {16 * kKiB, 48 * kKiB, 64 * kKiB, 128 * kKiB}) {
    SCOPED_TRACE(at);
    TransferWorld world;
    ASSERT_TRUE(Move(world, 2 * kMiB, [at](int, transport::ByteRange) {
      FakeRangeSource::Answer answer;
      answer.cut_after_bytes = at;
      return answer;
    }));
    EXPECT_EQ(observer_->received, content_.size());
  }
}

TEST_F(NetworkFaultTest, AnOutageIsWaitedForWithGrowingPausesThatPeopleSee) {
  TransferWorld world;
  SteadyTime back;
  back = world.core.clock().steady() + std::chrono::hours(2);
  ASSERT_TRUE(Move(world, kMiB, [&](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (world.core.clock().steady() < back) answer.refusal = Unreachable();
    return answer;
  }));
  ASSERT_THAT(observer_->waits, Not(IsEmpty()));
  EXPECT_EQ(observer_->waits.front().attempt, 1);
  EXPECT_GT(observer_->waits.back().attempt, 8);
  EXPECT_THAT(observer_->waits.front().cause, HasReason(reason::kHubUnreachable));
  // 2 h at half a minute a try: one probe at a time, not one for each connection.
  EXPECT_LT(source_->requests().size(), 350u);
  EXPECT_LT(world.core.clock().steady() - back, std::chrono::minutes(2));
}

TEST_F(NetworkFaultTest, ConnectionsCutTogetherCountAsOneFailure) {
  TransferWorld world;
  ASSERT_TRUE(Move(world, 2 * kMiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch < 8) answer.refusal = Unreachable();
    return answer;
  }));
  ASSERT_THAT(observer_->waits, SizeIs(1));
  EXPECT_EQ(observer_->waits[0].attempt, 1);
}

TEST_F(NetworkFaultTest, WhatTheServerAskedForIsWaited) {
  TransferWorld world;
  const SteadyTime begun = world.core.clock().steady();
  ASSERT_TRUE(Move(world, 10 * kKiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch == 0) {
      answer.refusal = WithRetryAfter(
          MakeError(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited, "HTTP 429"), seconds(37));
    }
    return answer;
  }));
  EXPECT_GE(world.core.clock().steady() - begun, seconds(37));
  EXPECT_LE(world.core.clock().steady() - begun, seconds(39));
  ASSERT_THAT(observer_->waits, SizeIs(1));
  EXPECT_EQ(observer_->waits[0].info.reason, "rate limit");
}

TEST_F(NetworkFaultTest, AStallAtAnyPhaseIsRescued) {
  for (const uint64_t after : {0 * kKiB, 1 * kKiB, 63 * kKiB, 64 * kKiB, 200 * kKiB}) {
    for (const int fetch_that_stalls : {0, 3, 9}) {
      SCOPED_TRACE(fmt::format("fetch {} after {}", fetch_that_stalls, after));
      TransferWorld world;
      ASSERT_TRUE(Move(world, 2 * kMiB, [=](int fetch, transport::ByteRange) {
        FakeRangeSource::Answer answer;
        if (fetch == fetch_that_stalls) answer.stall_after_bytes = after;
        return answer;
      }));
      EXPECT_EQ(observer_->received, content_.size());
    }
  }
}

TEST_F(NetworkFaultTest, ALoneStalledConnectionIsDroppedAfterTheTimeout) {
  TransferWorld world;
  const SteadyTime begun = world.core.clock().steady();
  ASSERT_TRUE(Move(world, 60 * kKiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch == 0) answer.stall_after_bytes = 10 * kKiB;
    return answer;
  }));
  EXPECT_GE(world.core.clock().steady() - begun, seconds(20));
  EXPECT_LE(world.core.clock().steady() - begun, seconds(22));
  EXPECT_EQ(observer_->received, content_.size());
}

TEST_F(NetworkFaultTest, AServerThatNeverAnswersIsLeftAfterTheLongerTimeout) {
  TransferWorld world;
  const SteadyTime begun = world.core.clock().steady();
  ASSERT_TRUE(Move(world, 60 * kKiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch == 0) answer.stall_after_bytes = 0;
    return answer;
  }));
  EXPECT_GE(world.core.clock().steady() - begun, seconds(60));
  EXPECT_LE(world.core.clock().steady() - begun, seconds(62));
}

TEST_F(NetworkFaultTest, OneWrongByteCostsOneFullSecondTry) {
  for (const uint64_t at : {uint64_t{0}, uint64_t{700'000}, uint64_t{2 * kMiB - 1}}) {
    SCOPED_TRACE(at);
    TransferWorld world;
    bool is_sent = false;
    ASSERT_TRUE(Move(world, 2 * kMiB, [&](int, transport::ByteRange range) {
      FakeRangeSource::Answer answer;
      if (!is_sent && range.begin <= at && at < range.end) {
        answer.wrong_byte_at = at;
        is_sent = true;
      }
      return answer;
    }));
    EXPECT_EQ(world.cache->calls(FakeCache::Call::kStartOver), 1u);
    EXPECT_EQ(observer_->received, 2 * content_.size());
  }
}

TEST_F(NetworkFaultTest, WrongBytesTwiceAreFinalAndNothingIsKept) {
  TransferWorld world;
  ASSERT_FALSE(Move(world, kMiB, [](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.wrong_byte_at = 500'000;
    return answer;
  }));
  ASSERT_TRUE(observer_->is_finished());
  EXPECT_THAT(*observer_->end, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(*observer_->end, HasReason(reason::kDigestMismatch));
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kStartOver), 1u);
  EXPECT_FALSE(world.cache->HasPartial(TestRepo(), entry_.blob));
}

TEST_F(NetworkFaultTest, AServerWithoutRangesIsReadAsOneStream) {
  TransferWorld world;
  ASSERT_TRUE(Move(world, 2 * kMiB, [](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.ignores_range = true;
    return answer;
  }));
  EXPECT_EQ(world.cache->written_bytes(), content_.size());
  EXPECT_LT(observer_->received, 2 * content_.size());
}

TEST_F(NetworkFaultTest, AServerWithoutRangesThatCutsIsStillReadToTheEnd) {
  TransferWorld world;
  ASSERT_TRUE(Move(world, kMiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.ignores_range = true;
    answer.cut_after_bytes = static_cast<uint64_t>(fetch) * 100 * kKiB;
    return answer;
  }));
  EXPECT_EQ(world.cache->written_bytes(), content_.size());
}

TEST_F(NetworkFaultTest, AResumedBlobFromAServerWithoutRangesIsWhole) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  world.cache->PutPartial(TestRepo(), EntryOf(content).blob, content,
                          {{100'000, 400'000}, {700'000, 800'000}});
  ASSERT_TRUE(Move(world, kMiB, [](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.ignores_range = true;
    return answer;
  }));
  EXPECT_EQ(world.cache->written_bytes(), content_.size() - 400'000);
}

TEST_F(NetworkFaultTest, AnExpiredLinkIsAskedForAnewAtOnce) {
  TransferWorld world;
  const SteadyTime begun = world.core.clock().steady();
  ASSERT_TRUE(Move(world, 2 * kMiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch >= 4 && fetch < 12) {
      answer.cut_after_bytes = 20 * kKiB;
      answer.cut_status = LinkExpired();
    }
    return answer;
  }));
  EXPECT_EQ(world.core.clock().steady(), begun) << "no pause";
  EXPECT_THAT(observer_->waits, IsEmpty());
  EXPECT_EQ(observer_->received, content_.size());
}

TEST_F(NetworkFaultTest, ALinkThatKeepsExpiringIsNotAskedForWithoutPause) {
  TransferWorld world;
  ASSERT_TRUE(Move(world, 10 * kKiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch < 6) answer.refusal = LinkExpired();
    return answer;
  }));
  EXPECT_THAT(observer_->waits, SizeIs(3)) << "three tries at once, then with pauses";
}

TEST_F(NetworkFaultTest, AChangedObjectIsBegunAgainOnce) {
  TransferWorld world;
  ASSERT_TRUE(Move(world, 2 * kMiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch == 5) {
      answer.cut_after_bytes = 20 * kKiB;
      answer.cut_status = UpstreamChanged();
    }
    return answer;
  }));
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kStartOver), 1u);
}

TEST_F(NetworkFaultTest, AnObjectThatKeepsChangingIsFinal) {
  TransferWorld world;
  ASSERT_FALSE(Move(world, 2 * kMiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch % 12 == 11) answer.refusal = UpstreamChanged();
    return answer;
  }));
  ASSERT_TRUE(observer_->is_finished());
  EXPECT_THAT(*observer_->end, HasReason(reason::kUpstreamChanged));
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kStartOver), 1u);
}

TEST_F(NetworkFaultTest, WhatTheHubRefusesIsFinal) {
  TransferWorld world;
  ASSERT_FALSE(Move(world, 2 * kMiB, [](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch == 9) {
      answer.refusal = MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound, "no such file");
    }
    return answer;
  }));
  ASSERT_TRUE(observer_->is_finished());
  EXPECT_THAT(*observer_->end, HasReason(reason::kEntryNotFound));
  EXPECT_EQ(source_->open(), 0);
  EXPECT_EQ(world.cache->open_partials(), 0);
}

TEST_F(NetworkFaultTest, WhoMayNotWaitGetsTheFirstTransientError) {
  TransferWorld world;
  ASSERT_FALSE(Move(
      world, 10 * kKiB,
      [](int, transport::ByteRange) {
        FakeRangeSource::Answer answer;
        answer.refusal = Unreachable();
        return answer;
      },
      false));
  ASSERT_TRUE(observer_->is_finished());
  EXPECT_THAT(*observer_->end, HasReason(reason::kHubUnreachable));
  EXPECT_THAT(source_->requests(), SizeIs(1));
}

TEST_F(NetworkFaultTest, AnAnswerThatEndsEarlyAsIfWholeIsFetchedToTheEnd) {
  TransferWorld world;
  content_ = MakeContent(100 * kKiB);
  entry_ = EntryOf(content_);
  // The object of this source is shorter than the listing said, and its answers end as if they were whole.
  const auto shorter = world.Source(content_.substr(0, 60 * kKiB));
  const auto [id, observer] = world.Join(entry_, shorter);
  world.core.AdvanceAndRunUntilIdle(std::chrono::minutes(10));
  EXPECT_FALSE(observer->is_finished());
  EXPECT_THAT(observer->waits, Not(IsEmpty()));
  EXPECT_LT(shorter->requests().size(), 60u);
  EXPECT_EQ(world.Published(entry_), "");
  world.transfers->Leave(id);
}

}  // namespace
}  // namespace batuta::transfer
