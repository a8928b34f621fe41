#include "common/io/unique_fd.h"

#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>

namespace batuta {
namespace {

bool IsOpen(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

UniqueFd OpenNull() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(UniqueFdTest, ClosesAtTheEndOfItsScope) {
  int raw = -1;
  {
    const UniqueFd fd = OpenNull();
    raw = fd.get();
    ASSERT_TRUE(fd);
    EXPECT_TRUE(IsOpen(raw));
  }
  EXPECT_FALSE(IsOpen(raw));
}

TEST(UniqueFdTest, MovesItsDescriptor) {
  UniqueFd from = OpenNull();
  const int raw = from.get();
  UniqueFd to = std::move(from);
  EXPECT_EQ(to.get(), raw);
  UniqueFd other = OpenNull();
  const int replaced = other.get();
  other = std::move(to);
  EXPECT_FALSE(IsOpen(replaced));
  EXPECT_EQ(other.get(), raw);
  const int released = other.Release();
  EXPECT_FALSE(other);
  EXPECT_TRUE(IsOpen(released));
  other.Reset(released);
}

}  // namespace
}  // namespace batuta
