#include "daemon/budget/window_ledger.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::budget {
namespace {

using State = Gate::State;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A window of 100 per 300 s with a tenth for interactive callers, and the little around it that Admission
// does.
class WindowLedgerTest : public ::testing::Test {
 protected:
  bool IsOpen(Priority priority = Priority::kNormal) { return At(priority).state == State::kOpen; }

  Gate At(Priority priority = Priority::kNormal) { return At(Claim{priority, true}); }

  Gate At(const Claim& claim) {
    ledger_.Advance(latest_, now_);
    return ledger_.Check(claim, now_);
  }

  Stamp Send(const Claim& claim = {}) {
    ledger_.Charge(claim, now_, 0.5);
    return ++latest_;
  }

  // Sends as many as are let through now, up to `limit`.
  std::vector<Stamp> SendAll(size_t limit = 1'000'000, Priority priority = Priority::kNormal) {
    std::vector<Stamp> stamps;
    while (stamps.size() < limit && IsOpen(priority)) stamps.push_back(Send());
    return stamps;
  }

  void Hear(Stamp stamp, uint64_t remaining, seconds reset_in, std::optional<uint64_t> quota = 100,
            int status = 200, std::optional<seconds> length = seconds(300)) {
    Answer answer{.status = status, .never_sent = false, .limit = std::nullopt, .retry_after = std::nullopt};
    answer.limit = RateLimitHeaders{
        .bucket = "api", .remaining = remaining, .reset_in = reset_in, .quota = quota, .length = length};
    ledger_.Finish(stamp, answer, true);
    ledger_.Learn(stamp, latest_, *answer.limit, now_);
    if (answer.IsRefusal()) {
      ledger_.Close(stamp, latest_, answer, now_, 0);
    } else {
      ledger_.NoteAccepted(stamp);
    }
  }

  void HearRefusal(Stamp stamp, std::optional<milliseconds> retry_after, int status = 429) {
    const Answer answer{
        .status = status, .never_sent = false, .limit = std::nullopt, .retry_after = retry_after};
    ledger_.Finish(stamp, answer, false);
    ledger_.Close(stamp, latest_, answer, now_, 0);
  }

  void HearPlain(Stamp stamp) {
    ledger_.Finish(stamp,
                   {.status = 200, .never_sent = false, .limit = std::nullopt, .retry_after = std::nullopt},
                   false);
    ledger_.NoteAccepted(stamp);
  }

  // A window in the middle of which the server has spoken.
  void Learn(uint64_t remaining = 100, seconds reset_in = seconds(200)) { Hear(Send(), remaining, reset_in); }

  SteadyTime now_{hours(5)};
  Stamp latest_ = 0;
  WindowLedger ledger_{100, seconds(300), 0.1};
};

TEST_F(WindowLedgerTest, SendsFewUntilTheServerHasSpoken) {
  EXPECT_EQ(SendAll().size(), WindowLedger::kUnheardInFlight);
  EXPECT_EQ(At().state, State::kPaced);
  Hear(1, 99, seconds(200));
  EXPECT_TRUE(IsOpen());
}

TEST_F(WindowLedgerTest, DoesNotWaitForEverForAFirstAnswer) {
  SendAll();
  EXPECT_EQ(At().until, now_ + WindowLedger::kUnheardPatience);
  now_ += WindowLedger::kUnheardPatience;
  EXPECT_EQ(SendAll().size(), 1u);
}

TEST_F(WindowLedgerTest, NeverHasMoreUnderWayThanTheServerLeft) {
  Learn(50);
  EXPECT_EQ(SendAll().size(), 44u);  // ten are reserved at first, two thirds of them now
  EXPECT_EQ(SendAll(100, Priority::kInteractive).size(), 6u);
  EXPECT_EQ(ledger_.available(), 0u);
  EXPECT_EQ(At(Priority::kInteractive).state, State::kPaced);  // an answer may free room
}

TEST_F(WindowLedgerTest, CountsWhatIsUnderWayOnceTheServerHasCountedIt) {
  Learn(50);
  const auto sent = SendAll(5);
  Hear(sent[0], 49, seconds(200));
  EXPECT_EQ(ledger_.available(), 45u);  // 49, and four may not be in it
  for (size_t i = 1; i < sent.size(); ++i) Hear(sent[i], 49 - i, seconds(200));
  EXPECT_EQ(ledger_.available(), 45u);
}

TEST_F(WindowLedgerTest, LetsNoOlderAnswerRaiseTheCount) {
  Learn(50);
  const auto sent = SendAll(3);
  Hear(sent[2], 10, seconds(200));
  Hear(sent[0], 48, seconds(200));
  EXPECT_EQ(ledger_.available(), 9u);
  Hear(sent[1], 49, seconds(200));
  EXPECT_EQ(ledger_.available(), 10u);
}

TEST_F(WindowLedgerTest, BelievesANewerAnswerThatRaisesTheCount) {
  Learn(5);
  const Stamp stamp = Send();
  Hear(stamp, 80, seconds(200));
  EXPECT_EQ(ledger_.available(), 80u);
}

TEST_F(WindowLedgerTest, NoticesWhatOthersSpend) {
  Learn(100);
  Hear(Send(), 12, seconds(200));
  EXPECT_EQ(SendAll().size(), 6u);
}

TEST_F(WindowLedgerTest, WaitsForTheResetPlusASecond) {
  Learn(0, seconds(200));
  EXPECT_EQ(At(Priority::kInteractive).state, State::kSpent);
  EXPECT_EQ(At().until, now_ + seconds(201));
  now_ += seconds(201) - milliseconds(1);
  EXPECT_FALSE(IsOpen());
  now_ += milliseconds(1);
  EXPECT_TRUE(IsOpen());
  EXPECT_EQ(ledger_.available(), 100u);
}

TEST_F(WindowLedgerTest, TakesTheEarliestOfWhatItIsToldOfOneReset) {
  const SteadyTime begin = now_;
  Hear(Send(), 50, seconds(10));
  now_ = begin + milliseconds(200);
  Hear(Send(), 49, seconds(9));
  EXPECT_EQ(ledger_.opens_at(), begin + milliseconds(10'200));
  now_ = begin + milliseconds(900);
  Hear(Send(), 48, seconds(9));
  EXPECT_EQ(ledger_.opens_at(), begin + milliseconds(10'200));
  // A reset that lies elsewhere is another one.
  Hear(Send(), 47, seconds(60));
  EXPECT_EQ(ledger_.opens_at(), now_ + seconds(61));
}

TEST_F(WindowLedgerTest, KeepsTheReserveForInteractiveCallers) {
  Learn(6);
  EXPECT_EQ(At(Priority::kNormal).state, State::kSpent);
  EXPECT_EQ(At(Priority::kBackground).state, State::kSpent);
  EXPECT_TRUE(IsOpen(Priority::kInteractive));
  EXPECT_EQ(At(Claim{Priority::kInteractive, false}).state, State::kSpent);  // he had his part
}

TEST_F(WindowLedgerTest, GivesUpTheReserveAsTheResetComesNear) {
  Learn(6);  // of the ten, at 200 s of 300 before the reset
  const std::optional<SteadyTime> until = At().until;
  ASSERT_TRUE(until.has_value());
  EXPECT_EQ(*until, now_ + seconds(20) + milliseconds(1));  // at 180 s, six become five
  now_ = *until - milliseconds(2);
  EXPECT_FALSE(IsOpen());
  now_ = *until;
  EXPECT_EQ(SendAll().size(), 1u);
  now_ += seconds(179);
  EXPECT_EQ(SendAll().size(), 5u);  // all of it, a second before the reset
}

TEST_F(WindowLedgerTest, BurstsWhilePlentyAndPacesWhoHadHisPartWhenScarce) {
  const Claim beyond{Priority::kNormal, false};
  Learn(25, seconds(200));
  EXPECT_EQ(At(beyond).state, State::kOpen);
  Send(beyond);
  // 24 left, 6 of them reserved, 200 s to go: one in 11 s.
  ASSERT_EQ(At(beyond).state, State::kOpen);
  Send(beyond);
  EXPECT_EQ(At(beyond).state, State::kSpent);
  EXPECT_EQ(At(beyond).until, now_ + Duration(seconds(200)) / 17);
  EXPECT_EQ(At(Claim{Priority::kNormal, true}).state, State::kOpen);
  EXPECT_EQ(At(Claim{Priority::kInteractive, false}).state, State::kSpent);
}

TEST_F(WindowLedgerTest, PacesSoThatNothingIsLeftAtTheReset) {
  Learn(20, seconds(200));
  const Claim beyond{Priority::kNormal, false};
  const SteadyTime begin = now_;
  std::vector<SteadyTime> sent;
  for (; now_ < begin + seconds(200); now_ += milliseconds(100)) {
    if (At(beyond).state != State::kOpen) continue;
    sent.push_back(now_);
    HearPlain(Send(beyond));
  }
  ASSERT_GE(sent.size(), 19u);
  EXPECT_GT(sent[9], begin + seconds(60));  // evenly: no burst at the beginning
  EXPECT_LT(sent[9], begin + seconds(150));
}

TEST_F(WindowLedgerTest, PacesNobodyWhereTheServerNamesNoLimits) {
  const Claim beyond{Priority::kNormal, false};
  HearPlain(Send(beyond));
  for (int i = 0; i < 80; ++i) {
    ASSERT_EQ(At(beyond).state, State::kOpen);
    Send(beyond);
  }
}

TEST_F(WindowLedgerTest, SendsOneProbeAfterARefusalOfUnknownLength) {
  HearRefusal(Send(), std::nullopt);
  now_ += seconds(1);
  const std::vector<Stamp> probe = SendAll();
  ASSERT_EQ(probe.size(), 1u);
  EXPECT_EQ(At().state, State::kPaced);
  now_ += seconds(10);
  EXPECT_FALSE(IsOpen());  // until its answer tells
  HearPlain(probe[0]);
  EXPECT_TRUE(IsOpen());
}

TEST_F(WindowLedgerTest, ReservesNothingOfAQuotaOfAFew) {
  Hear(Send(), 3, seconds(200), 3);
  EXPECT_EQ(SendAll().size(), 3u);
}

TEST_F(WindowLedgerTest, OpensGentlyAfterAReset) {
  Learn(0, seconds(10));
  now_ += seconds(11);
  size_t sent = SendAll().size();
  EXPECT_EQ(sent, 1u);
  EXPECT_EQ(At().state, State::kPaced);
  EXPECT_EQ(At().until, now_ + milliseconds(20));
  for (int i = 0; i < 9; ++i) {
    now_ += milliseconds(20);
    sent += SendAll().size();
  }
  EXPECT_EQ(sent, 10u);
}

TEST_F(WindowLedgerTest, ClosesForWhatTheRefusalSays) {
  struct Case {
    const char* name;
    std::optional<RateLimitHeaders> limit;
    std::optional<milliseconds> retry_after;
    milliseconds expected;
  };

  const auto limit = [](uint64_t remaining, int64_t reset) {
    return RateLimitHeaders{.bucket = "api",
                            .remaining = remaining,
                            .reset_in = seconds(reset),
                            .quota = 100,
                            .length = seconds(300)};
  };
  const Case cases[] = {
      {"RateLimit r=0", limit(0, 37), std::nullopt, seconds(38)},
      {"Retry-After", std::nullopt, seconds(37), seconds(37)},
      {"both, the longer counts", limit(0, 37), seconds(90), seconds(90)},
      {"r is not 0: another cause", limit(17, 200), seconds(5), seconds(5)},
      {"r is not 0, and no word", limit(17, 200), std::nullopt, seconds(1)},
      {"nothing", std::nullopt, std::nullopt, seconds(1)},
      {"Retry-After of 0", std::nullopt, seconds(0), seconds(1)},
      {"Retry-After of a day", std::nullopt, hours(24), hours(1)},
      {"t beyond the window", limit(0, 1'000'000'000), std::nullopt, seconds(301)},
  };
  for (const Case& c : cases) {
    WindowLedger ledger(100, seconds(300), 0.1);
    ledger.Charge({}, now_, 0);
    const Answer answer{.status = 429, .never_sent = false, .limit = c.limit, .retry_after = c.retry_after};
    ledger.Finish(1, answer, c.limit.has_value());
    if (c.limit) ledger.Learn(1, 1, *c.limit, now_);
    ledger.Close(1, 1, answer, now_, 0);
    EXPECT_EQ(ledger.Check({Priority::kInteractive, true}, now_).until, now_ + c.expected) << c.name;
    EXPECT_EQ(ledger.Check({Priority::kInteractive, true}, now_).state, State::kSpent) << c.name;
  }
}

TEST_F(WindowLedgerTest, BacksOffLongerEachTimeUntilAnAnswerIsAccepted) {
  for (const int expected : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    HearRefusal(Send(), std::nullopt);
    EXPECT_EQ(At().until, now_ + seconds(expected));
    now_ += seconds(expected);
    ASSERT_TRUE(IsOpen());
  }
  HearPlain(Send());
  HearRefusal(Send(), std::nullopt);
  EXPECT_EQ(At().until, now_ + seconds(1));
}

TEST_F(WindowLedgerTest, BacksOffWhenTheTimeToComeBackIsOver) {
  for (const seconds expected : {seconds(1), seconds(2), seconds(4)}) {
    HearRefusal(Send(), milliseconds(0));
    EXPECT_EQ(At().until, now_ + expected);
    now_ += expected;
    ASSERT_TRUE(IsOpen());
  }
}

TEST_F(WindowLedgerTest, CountsABurstOfRefusalsOnce) {
  const auto sent = SendAll();
  for (const Stamp stamp : sent) HearRefusal(stamp, std::nullopt);
  EXPECT_EQ(At().until, now_ + seconds(1));
}

TEST_F(WindowLedgerTest, SpreadsTheReopening) {
  const Answer answer{.status = 429, .never_sent = false, .limit = std::nullopt, .retry_after = seconds(10)};
  ledger_.Finish(Send(), answer, false);
  ledger_.Close(1, 1, answer, now_, 0.8);
  EXPECT_EQ(At().until, now_ + seconds(10) + milliseconds(200));
}

TEST_F(WindowLedgerTest, TellsABusyHubFromASpentWindow) {
  HearRefusal(Send(), seconds(7), 503);
  EXPECT_TRUE(At().is_hub_busy);
  EXPECT_EQ(At().until, now_ + seconds(7));
}

TEST_F(WindowLedgerTest, DoesNotCountForAServerThatNamesNoLimits) {
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(IsOpen());
    HearPlain(Send());
  }
}

TEST_F(WindowLedgerTest, CountsAnAnswerWithoutAWordOnceItKnowsTheLimit) {
  Learn(50);
  HearPlain(Send());
  EXPECT_EQ(ledger_.available(), 49u);
}

TEST_F(WindowLedgerTest, GoesOnWhenAWordlessAnswerComesAfterTheReset) {
  Hear(Send(), 1, seconds(0), /*quota=*/1, 200, seconds(1));
  const Stamp slow = Send();
  now_ += seconds(10);
  EXPECT_FALSE(IsOpen());  // the window is over, and the request still under way
  HearPlain(slow);
  EXPECT_TRUE(IsOpen());
}

TEST_F(WindowLedgerTest, ChargesWhatMayHaveArrivedAndOnlyThat) {
  Learn(50);
  ledger_.Finish(
      Send(), {.status = 0, .never_sent = true, .limit = std::nullopt, .retry_after = std::nullopt}, false);
  EXPECT_EQ(ledger_.available(), 50u);
  ledger_.Finish(
      Send(), {.status = 0, .never_sent = false, .limit = std::nullopt, .retry_after = std::nullopt}, false);
  EXPECT_EQ(ledger_.available(), 49u);
}

TEST_F(WindowLedgerTest, PutsBoundsOnLies) {
  Hear(Send(), UINT64_MAX, seconds(1'000'000'000), 500, 200, seconds(1'000'000'000));
  EXPECT_EQ(ledger_.available(), 500u);  // r > q
  EXPECT_LE(ledger_.opens_at(), now_ + hours(1) + seconds(1));
  Hear(Send(), UINT64_MAX, seconds(10), UINT64_MAX);
  EXPECT_EQ(ledger_.quota(), WindowLedger::kLargestQuota);
  Hear(Send(), 0, seconds(10), 0, 200, seconds(0));  // a quota and a length of 0 mean nothing
  EXPECT_EQ(ledger_.quota(), WindowLedger::kLargestQuota);
  EXPECT_GE(ledger_.length(), seconds(1));
}

TEST_F(WindowLedgerTest, LearnsALargerPlanFromTheCountAlone) {
  Hear(Send(), 2'499, seconds(300), std::nullopt);
  EXPECT_EQ(ledger_.quota(), 2'499u);
}

TEST_F(WindowLedgerTest, GoesOnAfterALieAboutTheReset) {
  Hear(Send(), 0, seconds(1'000'000'000));
  EXPECT_EQ(At().until, now_ + seconds(301));
  now_ += seconds(301);
  EXPECT_TRUE(IsOpen());
}

TEST_F(WindowLedgerTest, IgnoresAnAnswerFromTheWindowBefore) {
  Learn(50, seconds(2));
  const Stamp old = Send();
  now_ += seconds(4);
  Learn(99, seconds(298));
  Hear(old, 0, seconds(0));
  EXPECT_EQ(ledger_.available(), 99u);
}

TEST_F(WindowLedgerTest, RestoresAClosedWindow) {
  WindowState state;
  state.quota = 2'500;
  state.closed = true;
  state.learned = true;
  ledger_.Restore(state, seconds(40), now_);
  EXPECT_EQ(At(Priority::kInteractive).state, State::kSpent);
  EXPECT_EQ(At().until, now_ + seconds(40));
  now_ += seconds(40);
  EXPECT_TRUE(IsOpen());
  EXPECT_EQ(ledger_.quota(), 2'500u);
}

TEST_F(WindowLedgerTest, RestoresNoQuotaWhereNoneWasKnown) {
  WindowState state{
      .quota = 0, .remaining = 0, .resets_at = {}, .length = seconds(300), .closed = true, .learned = false};
  ledger_.Restore(state, seconds(10), now_);
  now_ += seconds(10);
  ASSERT_TRUE(IsOpen());
  EXPECT_EQ(ledger_.available(), 100u);
  state.closed = false;
  ledger_.Restore(state, seconds(10), now_);
  EXPECT_EQ(ledger_.available(), 100u);
}

TEST_F(WindowLedgerTest, RestoresWhatWasLeftAndForgetsWhatIsOver) {
  WindowState state;
  state.quota = 100;
  state.remaining = 7;
  state.learned = true;
  ledger_.Restore(state, seconds(40), now_);
  EXPECT_EQ(ledger_.available(), 7u);
  WindowLedger later(100, seconds(300), 0.1);
  later.Restore(state, seconds(-1), now_);
  EXPECT_EQ(later.available(), 100u);
  EXPECT_TRUE(later.IsIdle());
}

}  // namespace
}  // namespace batuta::budget
