#include "daemon/metrics/port_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::metrics {
namespace {

TEST(ParseLoopback, TakesAddressesOfThisMachineAlone) {
  for (const char* const text : {"127.0.0.1:9469", "127.0.0.1:0", "127.3.2.1:65535"}) {
    const auto address = ParseLoopback(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ss_family, AF_INET);
  }
  const auto v6 = ParseLoopback("[::1]:9469");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->ss_family, AF_INET6);
}

TEST(ParseLoopback, RefusesAllElse) {
  for (const char* const text :
       {"", "9469", ":9469", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
        "0.0.0.0:9469", "10.0.0.1:9469", "[::]:9469", "[fe80::1]:9469", "::1:9469", "[::1]",
        "[::ffff:8.8.8.8]:1", "localhost:9469", "hub.lan:9469", " 127.0.0.1:1", "127.0.0.1:1 "}) {
    EXPECT_THAT(ParseLoopback(text), HasReason(reason::kConfigInvalid)) << text;
  }
}

}  // namespace
}  // namespace batuta::metrics
