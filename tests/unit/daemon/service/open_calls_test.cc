#include "daemon/service/open_calls.h"

#include <memory>

#include <gmock/gmock.h>

#include "tests/support/clock/fake_clock.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

struct CountingCall final : OpenCall {
  void Abort() override { ++aborts; }

  int aborts = 0;
};

class OpenCallsTest : public testing::Test {
 protected:
  FakeClock clock_;
  OpenCalls calls_{clock_.steady()};
};

TEST_F(OpenCallsTest, CountsCallsAndRemembersTheLastEnd) {
  EXPECT_EQ(calls_.last_end(), clock_.steady());
  const auto first = std::make_shared<CountingCall>();
  const auto second = std::make_shared<CountingCall>();
  calls_.Begin(first);
  calls_.Begin(second);
  EXPECT_EQ(calls_.running(), 2);

  clock_.Advance(5s);
  calls_.End(first.get(), clock_.steady());

  EXPECT_EQ(calls_.running(), 1);
  EXPECT_EQ(calls_.last_end(), clock_.steady());
}

TEST_F(OpenCallsTest, StopAbortsWhatRunsAndWhatComesLater) {
  const auto ended = std::make_shared<CountingCall>();
  const auto running = std::make_shared<CountingCall>();
  const auto late = std::make_shared<CountingCall>();
  calls_.Begin(ended);
  calls_.End(ended.get(), clock_.steady());
  calls_.Begin(running);

  calls_.Stop();
  calls_.Begin(late);

  EXPECT_EQ(ended->aborts, 0);
  EXPECT_EQ(running->aborts, 1);
  EXPECT_EQ(late->aborts, 1);
  EXPECT_EQ(calls_.running(), 2);  // until they say that they have ended
}

TEST_F(OpenCallsTest, CallThatIsGoneIsNotTouched) {
  auto gone = std::make_shared<CountingCall>();
  calls_.Begin(gone);
  gone.reset();
  calls_.Stop();
}

TEST(StoppingErrorTest, IsOneThatAClientMayTryAgain) {
  EXPECT_THAT(StoppingError(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(StoppingError(), HasReason(reason::kDaemonStopping));
}

}  // namespace

}  // namespace batuta::service
