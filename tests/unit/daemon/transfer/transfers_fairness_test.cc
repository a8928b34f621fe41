#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/transfer/transfer.h"
#include "tests/support/fake_transfer/transfer_world.h"

// Who is served before whom.
namespace batuta::transfer {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

class TransfersFairnessTest : public ::testing::Test {
 protected:
  static TransferWorld::Setup Slots(int blobs) {
    TransferWorld::Setup setup;
    setup.options.blobs_in_flight = blobs;
    setup.options.connections = 2 * blobs;
    return setup;
  }

  // A blob of its own content; `order` hears of its end.
  TransferWorld::Joined Add(TransferWorld& world, const std::string& tool, size_t size_bytes,
                            Priority priority = Priority::kNormal, const std::string& job = "") {
    const auto number = static_cast<int>(++count_);
    const std::string content = MakeContent(size_bytes, count_);
    const auto source = world.Source(content);
    source->SetScript([](int, transport::ByteRange) {
      FakeRangeSource::Answer answer;
      answer.per_chunk = milliseconds(10);
      return answer;
    });
    const TransferWorld::Joined joined = world.Join({.repo = TestRepo(),
                                                     .entry = EntryOf(content),
                                                     .source = source,
                                                     .priority = priority,
                                                     .principal = {.uid = 1'000, .tool = tool},
                                                     .job = job,
                                                     .limit = nullptr});
    joined.observer->on_finished = [this, number] { order_.push_back(number); };
    return joined;
  }

  uint32_t count_ = 0;
  std::vector<int> order_;
};

TEST_F(TransfersFairnessTest, AToolWithManyFilesDoesNotKeepOneWaitingThatWantsThree) {
  TransferWorld world(Slots(4));
  for (int i = 0; i < 200; ++i) Add(world, "many", 10'000);
  std::vector<TransferWorld::Joined> few;
  for (int i = 0; i < 3; ++i) few.push_back(Add(world, "few", 10'000));
  for (const TransferWorld::Joined& each : few) ASSERT_TRUE(world.RunUntilFinished(*each.observer));

  EXPECT_LE(order_.size(), 20u) << "many have come through before the three";
  world.core.AdvanceAndRunUntilIdle(std::chrono::seconds(60));
  EXPECT_EQ(order_.size(), 203u);
}

TEST_F(TransfersFairnessTest, SomeoneWithNothingInFlightDoesNotWaitForLargeBlobsOfAnother) {
  TransferWorld world(Slots(2));
  const auto large = Add(world, "many", 4'000'000);
  Add(world, "many", 4'000'000);
  Add(world, "many", 4'000'000);
  world.core.AdvanceAndRunUntilIdle(milliseconds(100));
  const auto small = Add(world, "few", 10'000);
  ASSERT_TRUE(world.RunUntilFinished(*small.observer));
  EXPECT_FALSE(large.observer->is_finished());
}

TEST_F(TransfersFairnessTest, SomeoneGetsHisShareBesideLargeBlobsOfAnotherJob) {
  TransferWorld world(Slots(6));
  for (int i = 0; i < 12; ++i) Add(world, "a", 4'000'000, Priority::kNormal, "many");
  world.core.AdvanceAndRunUntilIdle(milliseconds(100));
  std::vector<TransferWorld::Joined> few;
  for (int i = 0; i < 3; ++i) few.push_back(Add(world, "a", 1'000'000, Priority::kNormal, "few"));
  ASSERT_TRUE(world.RunUntilFinished(*few[0].observer));
  world.core.AdvanceAndRunUntilIdle(milliseconds(50));
  for (const TransferWorld::Joined& each : few)
    EXPECT_TRUE(each.observer->is_finished()) << "all three went at once";
}

TEST_F(TransfersFairnessTest, APriorityThatChangesMovesWhatIsQueued) {
  TransferWorld world(Slots(1));
  Add(world, "a", 10'000);
  Add(world, "a", 10'000);
  const auto third = Add(world, "a", 10'000);
  const auto fourth = Add(world, "a", 10'000);
  world.transfers->SetPriority(third.id, Priority::kBackground);
  ASSERT_TRUE(world.RunUntilFinished(*third.observer));
  EXPECT_THAT(order_, ElementsAre(1, 2, 4, 3));
  world.transfers->SetPriority(third.id, Priority::kInteractive);  // it has finished: nothing happens
}

TEST_F(TransfersFairnessTest, AnUrgentOneDoesNotWaitForASlot) {
  TransferWorld world(Slots(1));
  const auto large = Add(world, "a", 4'000'000);
  const auto small = Add(world, "a", 10'000);
  world.core.AdvanceAndRunUntilIdle(milliseconds(100));
  world.transfers->SetPriority(small.id, Priority::kInteractive);
  ASSERT_TRUE(world.RunUntilFinished(*small.observer));
  EXPECT_FALSE(large.observer->is_finished());
}

TEST_F(TransfersFairnessTest, AChangeOfOneObserverLeavesTheOtherAsUrgentAsItWas) {
  TransferWorld world(Slots(1));
  Add(world, "a", 10'000);
  Add(world, "a", 10'000);
  const std::string content = MakeContent(10'000, 99);
  const auto source = world.Source(content);
  const auto calm = world.Join(EntryOf(content), source, Priority::kNormal);
  const auto urgent = world.Join(EntryOf(content), source, Priority::kInteractive);
  urgent.observer->on_finished = [this] { order_.push_back(99); };
  world.transfers->SetPriority(calm.id, Priority::kBackground);
  world.core.AdvanceAndRunUntilIdle(std::chrono::seconds(10));
  EXPECT_EQ(order_.back(), 2) << "the shared one is as urgent as its most urgent observer";
}

}  // namespace
}  // namespace batuta::transfer
