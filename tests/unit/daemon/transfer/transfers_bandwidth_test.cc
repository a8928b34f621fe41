#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"

// Bandwidth limits, from the spec of a transfer to the bytes that arrive.
namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::SizeIs;

constexpr size_t kMB = 1'000'000;

class TransfersBandwidthTest : public ::testing::Test {
 protected:
  static std::shared_ptr<BandwidthLimit> At(uint64_t bytes_per_second) {
    return std::make_shared<BandwidthLimit>(bytes_per_second);
  }

  static TransferWorld::Setup Overall(std::shared_ptr<BandwidthLimit> limit) {
    TransferWorld::Setup setup;
    setup.limit = std::move(limit);
    return setup;
  }

  static TransferWorld::Joined Join(TransferWorld& world, const std::string& content,
                                    const std::shared_ptr<FakeRangeSource>& source,
                                    std::shared_ptr<BandwidthLimit> limit) {
    return world.Join({.repo = TestRepo(),
                       .entry = EntryOf(content),
                       .source = source,
                       .principal = {},
                       .limit = std::move(limit)});
  }

  static uint64_t ReceivedIn(TransferWorld& world, const RecordingObserver& observer, Duration span) {
    const uint64_t before = observer.received;
    world.core.AdvanceAndRunUntilIdle(span);
    return observer.received - before;
  }
};

TEST_F(TransfersBandwidthTest, KeepsToTheRateOverThreeSeconds) {
  struct Case {
    uint64_t bytes_per_second;
    size_t size_bytes;
  };

  for (const Case& each : {Case{64'000, 1 * kMB}, Case{50 * kMB, 200 * kMB}}) {
    SCOPED_TRACE(each.bytes_per_second);
    TransferWorld::Setup setup;
    setup.options = TransferOptions();
    setup.buffer_bytes = 256 * 1024;
    TransferWorld world(setup);
    const std::string content = MakeContent(each.size_bytes);
    const auto [id, observer] =
        Join(world, content, world.Source(content, 64 * 1024), At(each.bytes_per_second));
    const double wanted = 3.0 * static_cast<double>(each.bytes_per_second);
    EXPECT_NEAR(static_cast<double>(ReceivedIn(world, *observer, seconds(3))), wanted, 0.1 * wanted);
    EXPECT_NEAR(static_cast<double>(ReceivedIn(world, *observer, seconds(1))), wanted / 3, 0.04 * wanted);
  }
}

TEST_F(TransfersBandwidthTest, ALimitOfAllHoldsForAllTogether) {
  TransferWorld world(Overall(At(300'000)));
  std::vector<TransferWorld::Joined> joined;
  for (uint32_t i = 0; i < 3; ++i) {
    const std::string content = MakeContent(kMB, i + 1);
    joined.push_back(Join(world, content, world.Source(content), nullptr));
  }
  world.core.AdvanceAndRunUntilIdle(seconds(3));
  uint64_t received = 0;
  for (const TransferWorld::Joined& each : joined) {
    EXPECT_GE(each.observer->received, 200'000u) << "nobody is left out";
    received += each.observer->received;
  }
  EXPECT_NEAR(static_cast<double>(received), 900'000, 90'000);
}

TEST_F(TransfersBandwidthTest, AChangeTakesEffectWithinASecond) {
  TransferWorld world;
  const std::string content = MakeContent(8 * kMB);
  const auto limit = At(2'000);
  const auto [id, observer] = Join(world, content, world.Source(content), limit);
  EXPECT_LE(ReceivedIn(world, *observer, seconds(5)), 12'000u);

  limit->Set(1'000'000);
  world.core.AdvanceAndRunUntilIdle(seconds(1));
  EXPECT_NEAR(static_cast<double>(ReceivedIn(world, *observer, seconds(3))), 3e6, 3e5);

  limit->Set(10'000);
  world.core.AdvanceAndRunUntilIdle(seconds(1));
  EXPECT_NEAR(static_cast<double>(ReceivedIn(world, *observer, seconds(3))), 30'000, 3'000);

  limit->Set(0);
  EXPECT_TRUE(world.RunUntilFinished(*observer, seconds(1)));
  EXPECT_EQ(world.Published(EntryOf(content)), content);
}

TEST_F(TransfersBandwidthTest, ABlobOfTwoJobsObeysTheMoreGenerous) {
  TransferWorld world;
  const std::string content = MakeContent(4 * kMB);
  const auto source = world.Source(content);
  const auto slow = Join(world, content, source, At(10'000));
  EXPECT_LE(ReceivedIn(world, *slow.observer, seconds(3)), 33'000u);

  const auto fast = Join(world, content, source, At(200'000));
  world.core.AdvanceAndRunUntilIdle(milliseconds(500));
  EXPECT_NEAR(static_cast<double>(ReceivedIn(world, *slow.observer, seconds(3))), 6e5, 6e4);

  world.transfers->Leave(fast.id);
  world.core.AdvanceAndRunUntilIdle(seconds(1));
  EXPECT_NEAR(static_cast<double>(ReceivedIn(world, *slow.observer, seconds(3))), 30'000, 3'000);
}

TEST_F(TransfersBandwidthTest, AConnectionThatIsHeldIsNoStall) {
  TransferWorld world;
  const std::string content = MakeContent(50'000);
  const auto source = world.Source(content);
  const auto [id, observer] = Join(world, content, source, At(100));  // a piece takes ten seconds
  ASSERT_TRUE(world.RunUntilFinished(*observer));

  EXPECT_TRUE(observer->is_ok());
  EXPECT_EQ(observer->received, content.size());
  EXPECT_THAT(source->requests(), SizeIs(1)) << "a slow rate needs one connection, and that is never dropped";
  EXPECT_TRUE(observer->waits.empty());
}

}  // namespace
}  // namespace batuta::transfer
