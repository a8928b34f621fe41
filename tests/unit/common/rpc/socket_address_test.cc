#include "common/rpc/socket_address.h"

#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/io/unique_fd.h"
#include "common/status/status.h"

namespace batuta {
namespace {

TEST(SocketAddressTest, TakesTheLongestPathTheKernelTakesAndNoLongerOne) {
  const std::string longest = "/" + std::string(SocketAddress::kMaxPathBytes - 1, 'a');

  const auto fits = SocketAddress::Parse(longest);
  const auto too_long = SocketAddress::Parse(longest + "a");

  ASSERT_TRUE(fits.ok());
  EXPECT_EQ(std::string(fits->native().sun_path), longest);
  EXPECT_EQ(fits->grpc_target(), "unix:" + longest);
  EXPECT_EQ(ReasonOf(too_long.status()), reason::kInvalidArgument);
  EXPECT_NE(HintOf(too_long.status()).find("XDG_RUNTIME_DIR"), std::string::npos);
}

TEST(SocketAddressTest, RefusesWhatIsNoAbsolutePath) {
  for (const std::string& path : {std::string(), std::string("run/x.sock"), std::string("/a\0b", 4)}) {
    EXPECT_EQ(SocketAddress::Parse(path).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST(PeerOfTest, NamesTheProcessAtTheOtherEnd) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd left(ends[0]);
  const UniqueFd right(ends[1]);

  const auto peer = PeerOf(left.get());

  ASSERT_TRUE(peer.ok());
  EXPECT_EQ(peer->uid, ::getuid());
  EXPECT_EQ(peer->pid, ::getpid());
}

TEST(PeerOfTest, SaysWhyWhenItIsNoSocket) {
  EXPECT_FALSE(PeerOf(-1).ok());
}

}  // namespace
}  // namespace batuta
