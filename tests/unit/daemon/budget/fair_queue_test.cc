#include "daemon/budget/fair_queue.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::budget {
namespace {

using ::testing::ElementsAre;

const Principal kAlice{1000, "train"};
const Principal kBob{1001, "serve"};

constexpr auto kAnybody = [](const Principal&, const std::string&) { return true; };

std::vector<FairQueue::Id> Drain(FairQueue& queue) {
  std::vector<FairQueue::Id> order;
  for (const Priority priority : {Priority::kInteractive, Priority::kNormal, Priority::kBackground}) {
    while (const auto id = queue.Pop(priority, kAnybody)) order.push_back(*id);
  }
  return order;
}

TEST(FairQueueTest, LetsPrincipalsTakeTurns) {
  FairQueue queue;
  for (FairQueue::Id id = 1; id <= 5; ++id) queue.PushBack(id, kAlice, "", Priority::kNormal);
  for (FairQueue::Id id = 11; id <= 12; ++id) queue.PushBack(id, kBob, "", Priority::kNormal);
  EXPECT_THAT(Drain(queue), ElementsAre(1, 11, 2, 12, 3, 4, 5));
}

TEST(FairQueueTest, AUserOfManyNamesHasOneShare) {
  FairQueue queue;
  for (FairQueue::Id id = 1; id <= 4; ++id) {
    queue.PushBack(id, {kAlice.uid, "name " + std::to_string(id)}, "", Priority::kNormal);
  }
  for (FairQueue::Id id = 11; id <= 13; ++id) queue.PushBack(id, kBob, "", Priority::kNormal);
  EXPECT_THAT(Drain(queue), ElementsAre(1, 11, 2, 12, 3, 13, 4));
}

TEST(FairQueueTest, WhoAsksOneByOneHasNoMoreThanHisShare) {
  FairQueue queue;
  const Principal carol{1002, "ask"};
  for (FairQueue::Id id = 100; id < 110; ++id) queue.PushBack(id, kAlice, "", Priority::kNormal);
  for (FairQueue::Id id = 200; id < 210; ++id) queue.PushBack(id, kBob, "", Priority::kNormal);
  FairQueue::Id next = 1;
  queue.PushBack(next, carol, "", Priority::kNormal);
  for (int taken = 0; taken < 9; ++taken) {
    if (queue.Pop(Priority::kNormal, kAnybody) == next) queue.PushBack(++next, carol, "", Priority::kNormal);
  }
  EXPECT_EQ(next, 4) << "of nine, three were hers";
}

TEST(FairQueueTest, LetsTheJobsOfAPrincipalTakeTurns) {
  FairQueue queue;
  for (FairQueue::Id id = 1; id <= 3; ++id) queue.PushBack(id, kAlice, "large", Priority::kNormal);
  queue.PushBack(7, kAlice, "small", Priority::kNormal);
  queue.PushBack(11, kBob, "large", Priority::kNormal);
  EXPECT_THAT(Drain(queue), ElementsAre(1, 11, 7, 2, 3));
}

TEST(FairQueueTest, PassesOverWhoMayNotGo) {
  FairQueue queue;
  queue.PushBack(1, kAlice, "", Priority::kNormal);
  queue.PushBack(11, kBob, "", Priority::kNormal);
  const auto only_bob = [](const Principal& principal, const std::string&) { return principal == kBob; };
  EXPECT_EQ(queue.Pop(Priority::kNormal, only_bob), 11);
  EXPECT_EQ(queue.Pop(Priority::kNormal, only_bob), std::nullopt);
  EXPECT_EQ(queue.Pop(Priority::kNormal, kAnybody), 1);
}

TEST(FairQueueTest, PassesOverJobsThatMayNotGo) {
  FairQueue queue;
  queue.PushBack(1, kAlice, "large", Priority::kNormal);
  queue.PushBack(2, kAlice, "", Priority::kNormal);
  const auto no_jobs = [](const Principal&, const std::string& job) { return job.empty(); };
  EXPECT_EQ(queue.Pop(Priority::kNormal, no_jobs), 2);
  EXPECT_EQ(queue.Pop(Priority::kNormal, no_jobs), std::nullopt);
}

TEST(FairQueueTest, CountsWhoWaits) {
  FairQueue queue;
  queue.PushBack(1, kAlice, "", Priority::kNormal);
  queue.PushBack(2, kAlice, "job", Priority::kBackground);
  queue.PushBack(11, kBob, "", Priority::kInteractive);
  queue.Remove(11);
  EXPECT_THAT(queue.Waiting(), ElementsAre(testing::Pair(kAlice, 2u)));
}

TEST(FairQueueTest, ServesTheUrgentFirst) {
  FairQueue queue;
  queue.PushBack(1, kAlice, "", Priority::kBackground);
  queue.PushBack(2, kAlice, "", Priority::kNormal);
  queue.PushBack(3, kAlice, "", Priority::kInteractive);
  queue.PushBack(4, kBob, "", Priority::kInteractive);
  EXPECT_THAT(Drain(queue), ElementsAre(3, 4, 2, 1));
}

TEST(FairQueueTest, PutsWhatComesAgainBeforeAllElseOfItsPrincipal) {
  FairQueue queue;
  queue.PushBack(1, kAlice, "", Priority::kNormal);
  queue.PushBack(11, kBob, "", Priority::kNormal);
  queue.PushBack(12, kBob, "", Priority::kNormal);
  queue.PushFront(10, kBob, "", Priority::kNormal);
  EXPECT_THAT(Drain(queue), ElementsAre(10, 1, 11, 12));
}

TEST(FairQueueTest, ForgetsWhatIsRemoved) {
  FairQueue queue;
  queue.PushBack(1, kAlice, "", Priority::kNormal);
  queue.PushBack(2, kAlice, "", Priority::kNormal);
  EXPECT_TRUE(queue.Remove(1));
  EXPECT_FALSE(queue.Remove(1));
  EXPECT_TRUE(queue.Has(Priority::kNormal));
  EXPECT_TRUE(queue.Remove(2));
  EXPECT_FALSE(queue.Has(Priority::kNormal));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.Pop(Priority::kNormal, kAnybody), std::nullopt);
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
        queue.PushBack(next, principal, "", priority);
        inside[next++] = 1;
        break;
      case 1:
        queue.PushFront(next, principal, "", priority);
        inside[next++] = 1;
        break;
      case 2: {
        const FairQueue::Id id = 1 + draw(static_cast<unsigned>(next));
        EXPECT_EQ(queue.Remove(id), inside.erase(id) == 1);
        break;
      }
      default:
        if (const auto id =
                queue.Pop(priority, [&](const Principal& p, const std::string&) { return p != principal; })) {
          EXPECT_EQ(inside.erase(*id), 1u);
        }
    }
    ASSERT_EQ(queue.size(), inside.size());
  }
  for (const FairQueue::Id id : Drain(queue)) EXPECT_EQ(inside.erase(id), 1u);
  EXPECT_TRUE(inside.empty());
}

}  // namespace
}  // namespace batuta::budget
