#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "daemon/transfer/extents.h"
#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"
#include "tests/support/status/status_matchers.h"

// Many who want the same, many blobs at once.
namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kMiB = 1 << 20;

FakeRangeSource::Script Stalling(uint64_t after_bytes) {
  return [after_bytes](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.stall_after_bytes = after_bytes;
    return answer;
  };
}

FakeRangeSource::Script Refusing(const absl::Status& status) {
  return [status](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.refusal = status;
    return answer;
  };
}

FakeRangeSource::Script Slow(Duration per_chunk) {
  return [per_chunk](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.per_chunk = per_chunk;
    return answer;
  };
}

TEST(TransfersSharingTest, SeveralJoinersFetchOnce) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const Entry entry = EntryOf(content);
  std::vector<std::shared_ptr<FakeRangeSource>> sources;
  std::vector<TransferWorld::Joined> joined;
  for (int i = 0; i < 5; ++i) {
    sources.push_back(world.Source(content));
    joined.push_back(world.Join(entry, sources.back()));
    world.core.AdvanceAndRunUntilIdle(Duration::zero());
  }
  ASSERT_TRUE(world.RunUntilFinished(*joined.back().observer));

  for (const TransferWorld::Joined& each : joined) {
    EXPECT_TRUE(each.observer->is_ok());
    EXPECT_EQ(each.observer->done.back(), content.size());
  }
  EXPECT_EQ(world.cache->written_bytes(), content.size());
  for (size_t i = 1; i < sources.size(); ++i) EXPECT_THAT(sources[i]->requests(), IsEmpty());
}

// Two repos, one blob.
class TransfersElsewhereTest : public ::testing::Test {
 protected:
  TransferWorld::Joined Join(const RepoId& repo, const std::shared_ptr<FakeRangeSource>& source,
                             bool elsewhere_will_do = true) {
    return world_.Join(TransferSpec{
        .repo = repo, .entry = entry_, .source = source, .elsewhere_will_do = elsewhere_will_do});
  }

  TransferWorld world_;
  const RepoId otter_ = *RepoId::Parse(RepoType::kModel, "acme/otter");
  const RepoId badger_ = *RepoId::Parse(RepoType::kModel, "acme/badger");
  const std::string content_ = MakeContent(2 * kMiB);
  const Entry entry_ = EntryOf(content_);
  const std::shared_ptr<FakeRangeSource> first_source_ = world_.Source(content_);
  const std::shared_ptr<FakeRangeSource> second_source_ = world_.Source(content_);
};

TEST_F(TransfersElsewhereTest, ABlobOfTwoReposIsFetchedOnceAndEachIsToldWhereItIs) {
  const auto first = Join(otter_, first_source_);
  const auto second = Join(badger_, second_source_);
  world_.Run();

  EXPECT_TRUE(first.observer->is_ok());
  EXPECT_EQ(first.observer->elsewhere, std::nullopt);
  EXPECT_TRUE(second.observer->is_ok());
  EXPECT_EQ(second.observer->elsewhere, otter_);
  EXPECT_THAT(second_source_->requests(), IsEmpty());
  EXPECT_EQ(world_.cache->written_bytes(), content_.size());
  EXPECT_EQ(world_.cache->Published(badger_, entry_.blob), std::nullopt);
}

TEST_F(TransfersElsewhereTest, WhoNeedsItInTheOwnRepoGetsItThere) {
  const auto first = Join(otter_, first_source_);
  const auto second = Join(badger_, second_source_, /*elsewhere_will_do=*/false);
  const auto third = Join(badger_, world_.Source(content_));
  world_.Run();

  EXPECT_EQ(world_.cache->Published(otter_, entry_.blob), content_);
  EXPECT_EQ(world_.cache->Published(badger_, entry_.blob), content_);
  EXPECT_TRUE(second.observer->is_ok());
  EXPECT_EQ(second.observer->elsewhere, std::nullopt);
  EXPECT_EQ(third.observer->elsewhere, std::nullopt) << "its own repo comes first";
}

TEST_F(TransfersElsewhereTest, WhoKeepsItToItselfIsJoinedByNoOtherRepo) {
  const auto first = Join(otter_, first_source_, /*elsewhere_will_do=*/false);
  const auto second = Join(badger_, second_source_);
  world_.Run();

  EXPECT_TRUE(first.observer->is_ok());
  EXPECT_EQ(second.observer->elsewhere, std::nullopt);
  EXPECT_EQ(world_.cache->Published(otter_, entry_.blob), content_);
  EXPECT_EQ(world_.cache->Published(badger_, entry_.blob), content_);
}

TEST_F(TransfersElsewhereTest, WhenTheFirstLeavesTheOtherGoesOnWithWhatIsThere) {
  first_source_->SetScript(Stalling(40'000));
  const auto first = Join(otter_, first_source_);
  const auto second = Join(badger_, second_source_);
  world_.Run();

  world_.transfers->Leave(first.id);
  world_.Run();

  EXPECT_TRUE(second.observer->is_ok());
  EXPECT_EQ(second.observer->elsewhere, otter_);
  EXPECT_EQ(world_.cache->written_bytes(), content_.size());
}

TEST_F(TransfersElsewhereTest, AnotherSizeIsAnotherMatter) {
  const auto first = Join(otter_, first_source_);
  Entry other = entry_;
  other.size_bytes += 1;
  const auto second = world_.Join(
      TransferSpec{.repo = badger_, .entry = other, .source = second_source_, .elsewhere_will_do = true});
  world_.Run();

  EXPECT_TRUE(first.observer->is_ok());
  EXPECT_FALSE(second.observer->is_ok());
  EXPECT_EQ(second.observer->elsewhere, std::nullopt);
}

TEST(TransfersSharingTest, ALateJoinerCountsOnlyWhatComesAfterIt) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  source->SetScript(Slow(milliseconds(50)));
  const auto early = world.Join(entry, source);
  world.core.AdvanceAndRunUntilIdle(seconds(1));
  const uint64_t before = early.observer->received;
  ASSERT_GT(before, 0u);
  const auto late = world.Join(entry, world.Source(content));
  ASSERT_TRUE(world.RunUntilFinished(*late.observer));

  EXPECT_EQ(early.observer->received, content.size());
  EXPECT_LE(late.observer->received, content.size() - before);
  EXPECT_GT(late.observer->received, 0u);
}

TEST(TransfersSharingTest, WhenTheOneWhoseSourceIsUsedLeavesAnotherSourceGoesOn) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const Entry entry = EntryOf(content);
  const auto first_source = world.Source(content);
  const auto second_source = world.Source(content);
  first_source->SetScript(Stalling(40'000));
  const auto first = world.Join(entry, first_source);
  const auto second = world.Join(entry, second_source);
  world.Run();
  EXPECT_THAT(second_source->requests(), IsEmpty());

  world.transfers->Leave(first.id);
  world.Run();

  EXPECT_TRUE(second.observer->is_ok());
  EXPECT_FALSE(first.observer->is_finished());
  EXPECT_EQ(first_source->open(), 0);
  EXPECT_EQ(world.cache->written_bytes(), content.size())
      << "what the first one brought is not fetched again";
  EXPECT_EQ(second.observer->received, content.size());
}

TEST(TransfersSharingTest, ASourceThatIsRefusedCostsOnlyItsOwner) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  const Entry entry = EntryOf(content);
  const auto gated = world.Source(content);
  gated->SetScript(
      Refusing(MakeError(absl::StatusCode::kPermissionDenied, reason::kRepoGated, "the repo is gated")));
  const auto first = world.Join(entry, gated);
  const auto second = world.Join(entry, world.Source(content));
  world.Run();

  EXPECT_THAT(*first.observer->end, HasReason(reason::kRepoGated));
  EXPECT_TRUE(second.observer->is_ok());
}

TEST(TransfersSharingTest, WhoMayNotWaitFailsAndTheOtherWaits) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB / 32);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  source->SetScript([](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    if (fetch == 0) answer.refusal = Unreachable();
    return answer;
  });
  const auto hasty = world.Join(entry, source, Priority::kNormal, false);
  const auto patient = world.Join(entry, source);
  world.Run();

  ASSERT_TRUE(hasty.observer->is_finished());
  EXPECT_THAT(*hasty.observer->end, HasReason(reason::kHubUnreachable));
  ASSERT_EQ(patient.observer->waits.size(), 1u);
  EXPECT_FALSE(patient.observer->is_finished());
  ASSERT_TRUE(world.RunUntilFinished(*patient.observer));
  EXPECT_TRUE(patient.observer->is_ok());
}

// Every request waits two minutes for the budget.
auto HeldBack(TransferWorld& world) {
  return [&world](int, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.held_back =
        transport::WaitInfo{"rate limit", "resolvers of anonymous", world.core.clock().wall() + seconds(120)};
    answer.held_for = seconds(120);
    return answer;
  };
}

TEST(TransfersSharingTest, WhoMayNotWaitFailsWhenTheBudgetHoldsEverythingBack) {
  TransferWorld world;
  const std::string content = MakeContent(10'000);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  source->SetScript(HeldBack(world));
  const auto hasty = world.Join(entry, source, Priority::kNormal, false);
  world.Run();
  ASSERT_TRUE(hasty.observer->is_finished());
  EXPECT_THAT(*hasty.observer->end, HasReason(reason::kHubRateLimited));
  EXPECT_EQ(RetryAfterOf(*hasty.observer->end), milliseconds(120'000));

  const auto patient = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*patient.observer));
  EXPECT_TRUE(patient.observer->is_ok());
  ASSERT_EQ(patient.observer->waits.size(), 1u);
  EXPECT_EQ(patient.observer->waits[0].info.reason, "rate limit");
  EXPECT_EQ(source->requests().size(), 2u) << "being held back is no stall";
}

TEST(TransfersSharingTest, WhoJoinsWhatIsHeldBackHearsOfItAndFailsWhenHeMayNotWait) {
  TransferWorld world;
  const std::string content = MakeContent(10'000);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  source->SetScript(HeldBack(world));
  const auto first = world.Join(entry, source);
  world.core.AdvanceAndRunUntilIdle(seconds(5));
  ASSERT_EQ(first.observer->waits.size(), 1u);

  const auto hasty = world.Join(entry, source, Priority::kNormal, false);
  const auto second = world.Join(entry, source);
  world.core.AdvanceAndRunUntilIdle(seconds(1));

  ASSERT_TRUE(hasty.observer->is_finished());
  EXPECT_THAT(*hasty.observer->end, HasReason(reason::kHubRateLimited));
  ASSERT_EQ(second.observer->waits.size(), 1u);
  EXPECT_EQ(second.observer->waits[0].info.reason, "rate limit");
  ASSERT_TRUE(world.RunUntilFinished(*first.observer));
  EXPECT_TRUE(second.observer->is_ok());
}

TEST(TransfersSharingTest, ConnectionsThatWaitForALinkThatIsHeldBackAreNoStallEither) {
  TransferWorld world;
  const std::string content = MakeContent(2 * kMiB);
  const auto source = world.Source(content);
  source->SetScript([&world](int fetch, transport::ByteRange) {
    FakeRangeSource::Answer answer;
    answer.held_for = seconds(120);
    // Only the first asks the hub; the others wait for its link without a word.
    answer.held_back = transport::WaitInfo{"rate limit", "", world.core.clock().wall() + seconds(120)};
    answer.is_silent_about_it = fetch > 0;
    return answer;
  });
  const auto joined = world.Join(EntryOf(content), source);
  world.core.AdvanceAndRunUntilIdle(seconds(119));
  EXPECT_EQ(joined.observer->waits.size(), 1u);
  EXPECT_EQ(source->requests().size(), 8u);
  source->SetScript({});
  ASSERT_TRUE(world.RunUntilFinished(*joined.observer));
  EXPECT_TRUE(joined.observer->is_ok());
}

TEST(TransfersSharingTest, TwoSizesForOneBlobAreAnErrorOfTheSecond) {
  TransferWorld world;
  const std::string content = MakeContent(10'000);
  Entry lying = EntryOf(content);
  lying.size_bytes = 20'000;
  const auto honest = world.Join(EntryOf(content), world.Source(content));
  const auto second = world.Join(lying, world.Source(content));
  world.Run();

  EXPECT_TRUE(honest.observer->is_ok());
  EXPECT_THAT(*second.observer->end, HasReason(reason::kHubProtocol));
}

TEST(TransfersSharingTest, ObserversMayLeaveAndJoinFromInsideTheirCallbacks) {
  TransferWorld world;
  const std::string content = MakeContent(kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  source->SetScript(Slow(milliseconds(50)));
  const auto first = world.Join(entry, source);
  const auto second = world.Join(entry, source);
  first.observer->on_progress = [&] { world.transfers->Leave(second.id); };
  TransferWorld::Joined again;
  first.observer->on_finished = [&] { again = world.Join(entry, source); };
  ASSERT_TRUE(world.RunUntilFinished(*first.observer));
  world.Run();

  EXPECT_THAT(second.observer->done, IsEmpty());
  EXPECT_FALSE(second.observer->is_finished());
  ASSERT_NE(again.observer, nullptr);
  EXPECT_TRUE(again.observer->is_ok());
  EXPECT_EQ(again.observer->received, 0u);
}

class CrowdTest : public ::testing::Test {
 protected:
  struct Blob {
    Entry entry;
    std::shared_ptr<FakeRangeSource> source;
    TransferWorld::Joined joined;
  };

  static TransferWorld::Setup Limited(int blobs, int connections) {
    TransferWorld::Setup setup;
    setup.options.blobs_in_flight = blobs;
    setup.options.connections = connections;
    return setup;
  }

  static Blob Add(TransferWorld& world, size_t size_bytes, uint32_t seed,
                  Priority priority = Priority::kNormal) {
    const std::string content = MakeContent(size_bytes, seed);
    Blob blob{EntryOf(content), world.Source(content), {}};
    blob.source->SetScript(Slow(milliseconds(20)));
    blob.joined = world.Join(blob.entry, blob.source, priority);
    return blob;
  }
};

TEST_F(CrowdTest, EveryBlobInFlightHasAConnectionAndTheLargestHasMost) {
  TransferWorld world(Limited(4, 12));
  std::vector<Blob> blobs;
  for (uint32_t i = 0; i < 3; ++i) blobs.push_back(Add(world, kMiB, i + 1));
  blobs.push_back(Add(world, 8 * kMiB, 9));
  for (const Blob& blob : blobs) blob.source->SetScript(Slow(milliseconds(100)));
  // Those that came first had all the spare connections; they give them up as their segments end.
  world.core.AdvanceAndRunUntilIdle(milliseconds(1'300));

  int sum = 0;
  for (const Blob& blob : blobs) {
    EXPECT_GE(blob.source->open(), 1);
    sum += blob.source->open();
  }
  EXPECT_EQ(sum, 12);
  EXPECT_EQ(blobs[3].source->open(), 8);
  for (const Blob& blob : blobs) EXPECT_TRUE(world.RunUntilFinished(*blob.joined.observer));
}

TEST_F(CrowdTest, LimitsHoldAllTheTimeAndEverythingArrives) {
  TransferWorld world(Limited(3, 6));
  std::vector<Blob> blobs;
  for (uint32_t i = 0; i < 12; ++i) blobs.push_back(Add(world, 50'000 + i * 60'000, i + 1));
  while (!std::ranges::all_of(blobs, [](const Blob& blob) { return blob.joined.observer->is_finished(); })) {
    int connections = 0;
    int in_flight = 0;
    for (const Blob& blob : blobs) {
      connections += blob.source->open();
      in_flight += blob.source->open() > 0 ? 1 : 0;
    }
    ASSERT_LE(connections, 6);
    ASSERT_LE(in_flight, 3);
    ASSERT_TRUE(world.core.next_delay().has_value());
    world.core.AdvanceAndRunUntilIdle(milliseconds(10));
  }
  for (const Blob& blob : blobs) EXPECT_TRUE(blob.joined.observer->is_ok());
}

TEST_F(CrowdTest, FirstComeFirstServedWithinAPriority) {
  TransferWorld world(Limited(1, 4));
  std::vector<int> order;
  std::vector<Blob> blobs;
  const Priority kPriorities[] = {Priority::kNormal, Priority::kBackground, Priority::kNormal,
                                  Priority::kNormal};
  for (int i = 0; i < 4; ++i) {
    blobs.push_back(Add(world, 10'000, static_cast<uint32_t>(i + 1), kPriorities[i]));
    blobs.back().joined.observer->on_finished = [&order, i] { order.push_back(i); };
  }
  ASSERT_TRUE(world.RunUntilFinished(*blobs[1].joined.observer));
  EXPECT_THAT(order, ElementsAre(0, 2, 3, 1));
}

TEST_F(CrowdTest, AnUrgentJoinerLiftsAQueuedBlob) {
  TransferWorld world(Limited(1, 4));
  std::vector<int> order;
  std::vector<Blob> blobs;
  for (int i = 0; i < 3; ++i) {
    blobs.push_back(Add(world, 10'000, static_cast<uint32_t>(i + 1), Priority::kBackground));
    blobs.back().joined.observer->on_finished = [&order, i] { order.push_back(i); };
  }
  const auto urgent = world.Join(blobs[2].entry, blobs[2].source, Priority::kInteractive);
  ASSERT_TRUE(world.RunUntilFinished(*blobs[1].joined.observer));
  EXPECT_EQ(order.back(), 1);
  EXPECT_TRUE(urgent.observer->is_ok());
}

TEST_F(CrowdTest, AnUrgentBlobDoesNotWaitForALargeOneToEnd) {
  TransferWorld world(Limited(1, 4));
  const Blob large = Add(world, 8 * kMiB, 1, Priority::kBackground);
  world.core.AdvanceAndRunUntilIdle(milliseconds(200));
  const Blob urgent = Add(world, 10'000, 2, Priority::kInteractive);
  ASSERT_TRUE(world.RunUntilFinished(*urgent.joined.observer));
  EXPECT_FALSE(large.joined.observer->is_finished());
}

TEST_F(CrowdTest, TwoBuffersAreEnoughForEightConnections) {
  TransferWorld::Setup setup;
  setup.buffers = 2;
  TransferWorld world(setup);
  const std::string content = MakeContent(3 * kMiB);
  const Entry entry = EntryOf(content);
  const auto source = world.Source(content);
  const auto [id, observer] = world.Join(entry, source);
  ASSERT_TRUE(world.RunUntilFinished(*observer, seconds(1))) << "no stall rescue may be needed";

  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(world.Published(entry), content);
  EXPECT_EQ(source->most_open(), 8);
}

TEST_F(CrowdTest, FiveThousandSmallFilesTakeFiveThousandRequests) {
  TransferWorld world;
  std::vector<Blob> blobs;
  uint64_t requests = 0;
  for (uint32_t i = 0; i < 5'000; ++i) {
    const std::string content = MakeContent(4'096, i + 1);
    Blob blob{EntryOf(content, BlobId::Kind::kGitSha1), world.Source(content), {}};
    blob.joined = world.Join(blob.entry, blob.source);
    blobs.push_back(blob);
  }
  world.Run();
  for (const Blob& blob : blobs) {
    ASSERT_TRUE(blob.joined.observer->is_ok());
    requests += blob.source->requests().size();
  }
  EXPECT_EQ(requests, 5'000u);
  EXPECT_EQ(world.cache->calls(FakeCache::Call::kWrite), 5'000u);
}

}  // namespace
}  // namespace batuta::transfer
