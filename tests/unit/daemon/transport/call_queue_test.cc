#include "daemon/transport/call_queue.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kHub[] = "https://hub.test:443";
constexpr char kCdn[] = "https://cdn.test:443";

// All that may start now.
std::vector<CallId> TakeAll(CallQueue& queue) {
  std::vector<CallId> ids;
  while (const auto id = queue.Next()) ids.push_back(*id);
  return ids;
}

TEST(CallQueueTest, GivesCallsInTheOrderTheyCame) {
  CallQueue queue({.total = 8, .per_origin = 8});
  for (CallId id = 1; id <= 3; ++id) queue.Push(id, kHub, Load::kShort, Priority::kNormal);
  EXPECT_THAT(TakeAll(queue), ElementsAre(1, 2, 3));
  EXPECT_EQ(queue.waiting(), 0u);
}

TEST(CallQueueTest, PrefersTheUrgentThenTheShort) {
  CallQueue queue({.total = 8, .per_origin = 8});
  queue.Push(1, kHub, Load::kBulk, Priority::kBackground);
  queue.Push(2, kHub, Load::kBulk, Priority::kNormal);
  queue.Push(3, kHub, Load::kShort, Priority::kNormal);
  queue.Push(4, kHub, Load::kBulk, Priority::kInteractive);
  EXPECT_THAT(TakeAll(queue), ElementsAre(4, 3, 2, 1));
}

TEST(CallQueueTest, KeepsAQuarterOfThePlacesForShortCalls) {
  CallQueue queue({.total = 100, .per_origin = 4});
  for (CallId id = 1; id <= 10; ++id) queue.Push(id, kCdn, Load::kBulk, Priority::kInteractive);
  EXPECT_THAT(TakeAll(queue), ElementsAre(1, 2, 3));
  queue.Push(11, kCdn, Load::kShort, Priority::kBackground);
  queue.Push(12, kCdn, Load::kShort, Priority::kBackground);
  EXPECT_THAT(TakeAll(queue), ElementsAre(11));
  queue.Finished(kCdn, Load::kShort);
  EXPECT_THAT(TakeAll(queue), ElementsAre(12));
  queue.Finished(kCdn, Load::kBulk);
  EXPECT_THAT(TakeAll(queue), ElementsAre(4));
}

TEST(CallQueueTest, KeepsAQuarterOfAllPlacesForShortCalls) {
  CallQueue queue({.total = 4, .per_origin = 4});
  for (CallId id = 1; id <= 3; ++id) queue.Push(id, kCdn, Load::kBulk, Priority::kNormal);
  queue.Push(4, "https://other.test:443", Load::kBulk, Priority::kNormal);
  EXPECT_EQ(TakeAll(queue).size(), 3u);
  queue.Push(5, kHub, Load::kShort, Priority::kNormal);
  EXPECT_THAT(TakeAll(queue), ElementsAre(5));
}

TEST(CallQueueTest, LetsABulkLoadRunWhereThereIsOnePlace) {
  CallQueue queue({.total = 1, .per_origin = 1});
  queue.Push(1, kCdn, Load::kBulk, Priority::kNormal);
  EXPECT_THAT(TakeAll(queue), ElementsAre(1));
}

TEST(CallQueueTest, LetsOriginsTakeTurns) {
  CallQueue queue({.total = 1, .per_origin = 1});
  for (CallId id = 1; id <= 3; ++id) queue.Push(id, kCdn, Load::kShort, Priority::kNormal);
  for (CallId id = 11; id <= 13; ++id) queue.Push(id, kHub, Load::kShort, Priority::kNormal);
  std::vector<CallId> order;
  std::vector<std::string> running;
  for (int i = 0; i < 6; ++i) {
    const CallId id = *queue.Next();
    order.push_back(id);
    queue.Finished(id > 10 ? kHub : kCdn, Load::kShort);
  }
  EXPECT_THAT(order, ElementsAre(1, 11, 2, 12, 3, 13));
}

TEST(CallQueueTest, GivesFourTimesAsManyPlacesWhereCallsShareConnections) {
  CallQueue queue({.total = 100, .per_origin = 2});
  for (CallId id = 1; id <= 20; ++id) queue.Push(id, kHub, Load::kShort, Priority::kNormal);
  EXPECT_EQ(TakeAll(queue).size(), 2u);
  queue.SetMultiplexed(kHub);
  EXPECT_EQ(TakeAll(queue).size(), 6u);
}

TEST(CallQueueTest, ForgetsACallThatIsRemoved) {
  CallQueue queue({.total = 1, .per_origin = 1});
  for (CallId id = 1; id <= 3; ++id) queue.Push(id, kHub, Load::kShort, Priority::kNormal);
  EXPECT_THAT(TakeAll(queue), ElementsAre(1));
  EXPECT_TRUE(queue.Remove(2));
  EXPECT_FALSE(queue.Remove(2));
  EXPECT_FALSE(queue.Remove(1));
  queue.Finished(kHub, Load::kShort);
  EXPECT_THAT(TakeAll(queue), ElementsAre(3));
}

TEST(CallQueueTest, ServesAnyNumberOfOrigins) {
  CallQueue queue({.total = 1, .per_origin = 1});
  for (CallId id = 1; id <= 2'000; ++id) {
    const std::string origin = "https://host-" + std::to_string(id) + ":443";
    queue.Push(id, origin, Load::kShort, Priority::kNormal);
    ASSERT_THAT(TakeAll(queue), ElementsAre(id));
    queue.Finished(origin, Load::kShort);
  }
  EXPECT_THAT(TakeAll(queue), IsEmpty());
}

}  // namespace
}  // namespace batuta::transport
