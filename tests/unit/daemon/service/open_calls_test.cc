#include "daemon/service/open_calls.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/support/clock/fake_clock.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::service {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

struct CountingCall final : OpenCall {
  void Abort(const absl::Status& status) override {
    ++aborts;
    reason = ReasonOf(status);
  }

  int aborts = 0;
  std::string reason;
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
  EXPECT_EQ(running->reason, reason::kDaemonStopping);
  EXPECT_EQ(late->aborts, 1);
  EXPECT_EQ(calls_.running(), 2);  // until they say that they have ended
}

TEST_F(OpenCallsTest, CallThatIsGoneIsNotTouched) {
  auto gone = std::make_shared<CountingCall>();
  calls_.Begin(gone);
  gone.reset();
  calls_.Stop();
}

TEST_F(OpenCallsTest, AUserHasNoMoreThanHisShareAndOthersHaveTheirs) {
  OpenCalls hogs(calls_, 2, clock_.steady());
  OpenCalls others(calls_, 2, clock_.steady());
  std::vector<std::shared_ptr<CountingCall>> started;
  for (int i = 0; i < 3; ++i) {
    started.push_back(std::make_shared<CountingCall>());
    hogs.Begin(started.back());
  }
  const auto other = std::make_shared<CountingCall>();
  others.Begin(other);

  EXPECT_EQ(started[1]->aborts, 0);
  EXPECT_EQ(started[2]->aborts, 1);
  EXPECT_EQ(started[2]->reason, reason::kDaemonBusy);
  EXPECT_EQ(other->aborts, 0);
  EXPECT_EQ(calls_.running(), 4);

  for (const auto& call : started) hogs.End(call.get(), clock_.steady());
  const auto next = std::make_shared<CountingCall>();
  hogs.Begin(next);
  EXPECT_EQ(next->aborts, 0);
  EXPECT_EQ(calls_.running(), 2);
}

TEST_F(OpenCallsTest, StopAbortsTheCallsOfEachUser) {
  OpenCalls own(calls_, 2, clock_.steady());
  const auto running = std::make_shared<CountingCall>();
  own.Begin(running);
  calls_.Stop();
  const auto late = std::make_shared<CountingCall>();
  own.Begin(late);
  EXPECT_EQ(running->aborts, 1);
  EXPECT_EQ(late->aborts, 1);
}

TEST(StoppingErrorTest, IsOneThatAClientMayTryAgain) {
  EXPECT_THAT(StoppingError(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(StoppingError(), HasReason(reason::kDaemonStopping));
}

}  // namespace

}  // namespace batuta::service
