#include "daemon/budget/fair_queue.h"

#include <map>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::budget {
namespace {

using ::testing::ElementsAre;

const Principal kAlice{1000, "train"};
const Principal kBob{1001, "serve"};

std::vector<FairQueue::Id> Drain(FairQueue& queue) {
  std::vector<FairQueue::Id> order;
  while (const auto priority = queue.TopPriority()) order.push_back(queue.Pop(*priority));
  return order;
}

TEST(FairQueueTest, LetsPrincipalsTakeTurns) {
  FairQueue queue;
  for (FairQueue::Id id = 1; id <= 5; ++id) queue.PushBack(id, kAlice, Priority::kNormal);
  for (FairQueue::Id id = 11; id <= 12; ++id) queue.PushBack(id, kBob, Priority::kNormal);
  EXPECT_THAT(Drain(queue), ElementsAre(1, 11, 2, 12, 3, 4, 5));
}

TEST(FairQueueTest, ServesTheUrgentFirst) {
  FairQueue queue;
  queue.PushBack(1, kAlice, Priority::kBackground);
  queue.PushBack(2, kAlice, Priority::kNormal);
  queue.PushBack(3, kAlice, Priority::kInteractive);
  queue.PushBack(4, kBob, Priority::kInteractive);
  EXPECT_THAT(Drain(queue), ElementsAre(3, 4, 2, 1));
}

TEST(FairQueueTest, PutsWhatComesAgainBeforeAllElseOfItsPrincipal) {
  FairQueue queue;
  queue.PushBack(1, kAlice, Priority::kNormal);
  queue.PushBack(11, kBob, Priority::kNormal);
  queue.PushBack(12, kBob, Priority::kNormal);
  queue.PushFront(10, kBob, Priority::kNormal);
  EXPECT_THAT(Drain(queue), ElementsAre(10, 1, 11, 12));
}

TEST(FairQueueTest, ForgetsWhatIsRemoved) {
  FairQueue queue;
  queue.PushBack(1, kAlice, Priority::kNormal);
  queue.PushBack(2, kAlice, Priority::kNormal);
  EXPECT_TRUE(queue.Remove(1));
  EXPECT_FALSE(queue.Remove(1));
  EXPECT_TRUE(queue.Has(Priority::kNormal));
  EXPECT_TRUE(queue.Remove(2));
  EXPECT_FALSE(queue.Has(Priority::kNormal));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.TopPriority(), std::nullopt);
}

TEST(FairQueueTest, LosesAndDoublesNothingWhateverComes) {
  std::mt19937 random(7);
  FairQueue queue;
  std::map<FairQueue::Id, int> inside;
  FairQueue::Id next = 1;
  for (int step = 0; step < 20'000; ++step) {
    const auto draw = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    const Principal principal{draw(5), "tool"};
    const auto priority = static_cast<Priority>(draw(3));
    switch (draw(4)) {
      case 0:
        queue.PushBack(next, principal, priority);
        inside[next++] = 1;
        break;
      case 1:
        queue.PushFront(next, principal, priority);
        inside[next++] = 1;
        break;
      case 2: {
        const FairQueue::Id id = 1 + draw(static_cast<unsigned>(next));
        EXPECT_EQ(queue.Remove(id), inside.erase(id) == 1);
        break;
      }
      default:
        if (const auto top = queue.TopPriority()) {
          EXPECT_EQ(inside.erase(queue.Pop(*top)), 1u);
        }
    }
    ASSERT_EQ(queue.size(), inside.size());
  }
  for (const FairQueue::Id id : Drain(queue)) EXPECT_EQ(inside.erase(id), 1u);
  EXPECT_TRUE(inside.empty());
}

}  // namespace
}  // namespace batuta::budget
