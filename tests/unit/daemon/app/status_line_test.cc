#include "daemon/app/status_line.h"

#include <gmock/gmock.h>

namespace batuta::app {

namespace {

TEST(StatusLineTest, SaysHowManyJobsAreInWhichState) {
  EXPECT_EQ(StatusLine({}), "no jobs");
  EXPECT_EQ(StatusLine({.running = 2}), "jobs: 2 running");
  EXPECT_EQ(StatusLine({.queued = 4, .running = 1, .waiting = 3, .paused = 2}),
            "jobs: 1 running, 3 waiting, 4 queued, 2 paused");
}

TEST(StatusLineTest, SaysWhatIsWaitedForAndUntilWhen) {
  EXPECT_EQ(StatusLine({.waiting = 1, .waiting_reason = "credentials"}), "jobs: 1 waiting (credentials)");
  EXPECT_EQ(StatusLine({.running = 1,
                        .waiting = 2,
                        .waiting_reason = "rate limit",
                        .waiting_until = FromUnixMillis(1'700'000'000'000)}),
            "jobs: 1 running, 2 waiting (rate limit, until 2023-11-14T22:13:20.000Z)");
}

}  // namespace

}  // namespace batuta::app
