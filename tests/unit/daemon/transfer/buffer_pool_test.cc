#include "daemon/transfer/buffer_pool.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace batuta::transfer {
namespace {

TEST(BufferPoolTest, GivesAtMostItsCountAndTakesThemBack) {
  BufferPool pool(2, 16);
  std::vector<Buffer> held;
  held.push_back(pool.TryTake([] {}));
  held.push_back(pool.TryTake([] {}));
  ASSERT_TRUE(held[0] && held[1]);
  EXPECT_EQ(held[0].memory().size(), 16u);
  EXPECT_NE(held[0].memory().data(), held[1].memory().data());
  EXPECT_FALSE(pool.TryTake([] {}));

  held.pop_back();
  EXPECT_TRUE(pool.TryTake([] {}));
}

TEST(BufferPoolTest, WakesEveryoneWhoWaitsOnce) {
  BufferPool pool(1, 16);
  Buffer held = pool.TryTake([] {});
  int first = 0;
  int second = 0;
  ASSERT_FALSE(pool.TryTake([&first] { ++first; }));
  ASSERT_FALSE(pool.TryTake([&second] { ++second; }));
  EXPECT_EQ(first + second, 0);

  held = Buffer();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);

  held = pool.TryTake([] {});
  ASSERT_TRUE(held);
  held = Buffer();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST(BufferPoolTest, MovedBuffersGoBackOnce) {
  BufferPool pool(1, 16);
  Buffer first = pool.TryTake([] {});
  Buffer second = std::move(first);
  EXPECT_TRUE(second);
  EXPECT_FALSE(pool.TryTake([] {}));
  {
    const Buffer third = std::move(second);
    EXPECT_TRUE(third);
  }
  Buffer fourth = pool.TryTake([] {});
  EXPECT_TRUE(fourth);
  EXPECT_FALSE(pool.TryTake([] {}));
}

}  // namespace
}  // namespace batuta::transfer
