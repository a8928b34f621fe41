#include "daemon/transfer/slots.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace batuta::transfer {
namespace {

struct One {
  std::string tool;
  std::string job;
  Priority priority = Priority::kNormal;
};

std::vector<One> Times(size_t count, const One& one) {
  return std::vector<One>(count, one);
}

std::vector<One> operator+(std::vector<One> a, const std::vector<One>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(SlotsTest, AreGivenByTheTable) {
  struct Case {
    const char* what;
    std::vector<One> in_flight;  // of usually 4
    One next;
    bool expected;
  };

  const One a{"a", "x"};
  const One b{"b", "y"};
  const Case kCases[] = {
      {"room for all", Times(3, a), a, true},
      {"full", Times(4, a), a, false},
      {"another tool has nothing", Times(4, a), b, true},
      {"half is its share", Times(4, a) + Times(1, b), b, true},
      {"it has its half", Times(4, a) + Times(2, b), b, false},
      {"another job of the same tool", Times(4, a) + Times(1, {"a", "z"}), {"a", "z"}, true},
      {"and that has its half", Times(4, a) + Times(2, {"a", "z"}), {"a", "z"}, false},
      {"never more than double", Times(8, a), b, false},
      {"more urgent", Times(4, a), {"a", "x", Priority::kInteractive}, true},
      {"as many as urgent",
       Times(4, a) + Times(4, {"a", "x", Priority::kInteractive}),
       {"a", "x", Priority::kInteractive},
       false},
      {"less urgent", Times(4, a), {"a", "x", Priority::kBackground}, false},
  };
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    Slots slots(4);
    for (const One& one : each.in_flight) slots.Add(one.priority, {.uid = 1, .tool = one.tool}, one.job);
    FairQueue::Item item;
    item.priority = each.next.priority;
    item.principal = {.uid = 1, .tool = each.next.tool};
    item.job = each.next.job;
    EXPECT_EQ(slots.HasOneFor(item), each.expected);
  }
}

}  // namespace
}  // namespace batuta::transfer
