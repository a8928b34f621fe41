#include "client/connection/signal_watch.h"

#include <csignal>

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

TEST(SignalWatchTest, HandsOutSignalsInsteadOfDyingOfThem) {
  ASSERT_OK_AND_ASSIGN(SignalWatch watch, SignalWatch::Create());
  EXPECT_EQ(watch.Next(), std::nullopt);

  ::pthread_kill(::pthread_self(), SIGINT);
  pollfd ready{watch.fd(), POLLIN, 0};

  EXPECT_EQ(::poll(&ready, 1, 0), 1);
  EXPECT_EQ(watch.Next(), SIGINT);
  EXPECT_EQ(watch.Next(), std::nullopt);
}

TEST(SignalWatchTest, LeavesTheMaskAsItWas) {
  sigset_t mask;
  { ASSERT_OK_AND_ASSIGN(const SignalWatch watch, SignalWatch::Create()); }
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);

  EXPECT_EQ(sigismember(&mask, SIGINT), 0);
}

}  // namespace
}  // namespace batuta::client
