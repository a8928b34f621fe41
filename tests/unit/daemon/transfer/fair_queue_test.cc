#include "daemon/transfer/fair_queue.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::transfer {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kMB = 1'000'000;

FairQueue::Item Wish(uint64_t number, const std::string& tool, uint64_t size_bytes,
                     Priority priority = Priority::kNormal, const std::string& job = "") {
  return {number, priority, {.uid = 1'000, .tool = tool}, size_bytes, job};
}

FairQueue::Item Of(uint64_t number, const std::string& tool, const std::string& job) {
  return Wish(number, tool, kMB, Priority::kNormal, job);
}

std::vector<uint64_t> Drain(FairQueue& queue, size_t count = 1'000) {
  std::vector<uint64_t> numbers;
  const auto all_may = [](const FairQueue::Item&) { return true; };
  while (!queue.empty() && numbers.size() < count) numbers.push_back(queue.TakeNext(all_may)->number);
  return numbers;
}

TEST(FairQueueTest, OrdersByTheTable) {
  struct Case {
    const char* what;
    std::vector<FairQueue::Item> items;
    std::vector<uint64_t> expected;
  };

  const Case kCases[] = {
      {"nothing", {}, {}},
      {"first come, first served", {Wish(3, "a", 1), Wish(1, "a", 9 * kMB), Wish(2, "a", 5)}, {1, 2, 3}},
      {"the most urgent first",
       {Wish(1, "a", 1, Priority::kBackground), Wish(2, "a", 1), Wish(3, "a", 1, Priority::kInteractive)},
       {3, 2, 1}},
      {"urgency before fairness",
       {Wish(1, "a", kMB, Priority::kInteractive), Wish(2, "a", kMB, Priority::kInteractive),
        Wish(3, "b", 1)},
       {1, 2, 3}},
      {"turn by turn when all is equal",
       {Wish(1, "a", kMB), Wish(2, "a", kMB), Wish(3, "a", kMB), Wish(4, "b", kMB), Wish(5, "b", kMB)},
       {1, 4, 2, 5, 3}},
      {"by bytes, not by files",
       {Wish(1, "a", 3 * kMB), Wish(2, "a", 3 * kMB), Wish(3, "b", kMB), Wish(4, "b", kMB),
        Wish(5, "b", kMB)},
       {1, 3, 4, 5, 2}},
      {"the jobs of one principal take turns, and have one share among others",
       {Of(1, "a", "x"), Of(2, "a", "x"), Of(3, "a", "y"), Of(4, "a", "y"), Of(5, "b", "z"), Of(6, "b", "z"),
        Of(7, "b", "z")},
       {1, 5, 3, 6, 2, 7, 4}},
      {"the number replaces",
       {Wish(1, "a", 1), Wish(2, "a", 1), Wish(1, "a", 1, Priority::kBackground)},
       {2, 1}},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    FairQueue queue;
    for (const FairQueue::Item& item : each.items) queue.Put(item);
    EXPECT_EQ(Drain(queue), each.expected);
  }
}

TEST(FairQueueTest, AUserOfManyNamesHasOneShare) {
  FairQueue queue;
  for (uint64_t i = 0; i < 40; ++i) queue.Put(Wish(i, "name " + std::to_string(i), kMB));
  for (uint64_t i = 100; i < 110; ++i) queue.Put({i, Priority::kNormal, {.uid = 1'001, .tool = "one"}, kMB});
  const std::vector<uint64_t> next = Drain(queue, 20);
  EXPECT_EQ(std::ranges::count_if(next, [](uint64_t number) { return number >= 100; }), 10);
}

TEST(FairQueueTest, TenThousandFilesDoNotKeepThreeWaiting) {
  FairQueue queue;
  for (uint64_t i = 0; i < 10'000; ++i) queue.Put(Wish(i, "many", 4'096));
  Drain(queue, 5'000);
  for (uint64_t i = 0; i < 3; ++i) queue.Put(Wish(20'000 + i, "few", 4'096));
  const std::vector<uint64_t> next = Drain(queue, 6);
  EXPECT_EQ(std::ranges::count_if(next, [](uint64_t number) { return number >= 20'000; }), 3);
}

TEST(FairQueueTest, TenThousandFilesDoNotKeepTheNextJobWaiting) {
  FairQueue queue;
  for (uint64_t i = 0; i < 10'000; ++i) queue.Put(Of(i, "a", "many"));
  Drain(queue, 5'000);
  for (uint64_t i = 0; i < 3; ++i) queue.Put(Of(20'000 + i, "a", "few"));
  const std::vector<uint64_t> next = Drain(queue, 6);
  EXPECT_EQ(std::ranges::count_if(next, [](uint64_t number) { return number >= 20'000; }), 3);
}

TEST(FairQueueTest, WhoComesBackHasNoCreditFromTheTimeWithoutAWish) {
  FairQueue queue;
  queue.Put(Wish(1, "b", kMB));
  for (uint64_t i = 10; i < 40; ++i) queue.Put(Wish(i, "a", kMB));
  Drain(queue, 22);  // "b" once, "a" ever since
  for (uint64_t i = 50; i < 60; ++i) queue.Put(Wish(i, "b", kMB));
  const std::vector<uint64_t> next = Drain(queue, 6);
  EXPECT_EQ(std::ranges::count_if(next, [](uint64_t number) { return number >= 50; }), 3);
}

TEST(FairQueueTest, WhoMayNotGoDoesNotKeepOthersWaitingButForTheLessUrgent) {
  FairQueue queue;
  queue.Put(Wish(1, "a", 1));
  queue.Put(Of(2, "b", "x"));
  queue.Put(Of(3, "b", "y"));
  queue.Put(Wish(4, "c", 1, Priority::kBackground));
  const auto may_go = [](const FairQueue::Item& item) {
    return item.principal.tool != "a" && item.job != "x";
  };
  EXPECT_EQ(queue.TakeNext(may_go)->number, 3U);
  EXPECT_EQ(queue.TakeNext(may_go), std::nullopt) << "the background waits for what is more urgent";
  EXPECT_THAT(Drain(queue), ElementsAre(1, 2, 4));
}

TEST(FairQueueTest, WhatIsRemovedIsNotServed) {
  FairQueue queue;
  queue.Put(Wish(1, "a", 1));
  queue.Put(Wish(2, "a", 1));
  queue.Remove(1);
  queue.Remove(7);
  EXPECT_FALSE(queue.Contains(1));
  EXPECT_TRUE(queue.Contains(2));
  EXPECT_THAT(Drain(queue), ElementsAre(2));
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace batuta::transfer
