#include "daemon/budget/admission.h"

#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::budget {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WindowKey kApi{"anonymous", WindowKind::kApi};
const WindowKey kResolvers{"anonymous", WindowKind::kResolvers};
const Principal kAlice{1000, "train"};
const Principal kBob{1001, "serve"};

class AdmissionTest : public ::testing::Test {
 protected:
  static AdmissionOptions Options() {
    return {.first_quota = [](const WindowKey&) { return uint64_t{100}; },
            .max_waiting = 50,
            .max_windows = 5,
            .random = [] { return 0.0; }};
  }

  TicketId Ask(const WindowKey& window = kApi, Principal principal = kAlice,
               Priority priority = Priority::kNormal, bool may_wait = true) {
    const Ticket ticket{.id = next_++,
                        .window = window,
                        .principal = std::move(principal),
                        .priority = priority,
                        .may_wait = may_wait};
    EXPECT_TRUE(admission_.Enqueue(ticket));
    return ticket.id;
  }

  std::vector<TicketId> Admit() {
    decision_ = admission_.Admit(now_);
    std::vector<TicketId> ids;
    for (const auto& sent : decision_.send) {
      ids.push_back(sent.id);
      stamps_[sent.id] = sent.stamp;
    }
    return ids;
  }

  WindowKey Answer200(TicketId id, const char* bucket, uint64_t remaining, const WindowKey& window = kApi,
                      int status = 200) {
    Answer answer{.status = status, .never_sent = false, .limit = std::nullopt, .retry_after = std::nullopt};
    answer.limit = RateLimitHeaders{.bucket = bucket,
                                    .remaining = remaining,
                                    .reset_in = seconds(100),
                                    .quota = 100,
                                    .length = seconds(300)};
    return admission_.Settle(window, stamps_.at(id), answer, now_).window;
  }

  // Spends the window up to what is left.
  void LeaveRemaining(uint64_t remaining) {
    const TicketId id = Ask(kApi, kAlice, Priority::kInteractive);
    ASSERT_THAT(Admit(), ElementsAre(id));
    Answer200(id, "api", remaining);
  }

  SteadyTime now_{std::chrono::hours(5)};
  Admission admission_{Options()};
  Admission::Decision decision_;
  std::map<TicketId, Stamp> stamps_;
  TicketId next_ = 1;
};

TEST_F(AdmissionTest, SendsAtOnceWhatTheWindowHolds) {
  const TicketId id = Ask();
  EXPECT_THAT(Admit(), ElementsAre(id));
  EXPECT_THAT(Admit(), IsEmpty());
  EXPECT_EQ(admission_.waiting(), 0u);
  EXPECT_EQ(admission_.NextWake(), std::nullopt);
}

TEST_F(AdmissionTest, HoldsBackWhatItDoesNotHoldAndSaysUntilWhen) {
  LeaveRemaining(0);
  const TicketId first = Ask();
  EXPECT_THAT(Admit(), IsEmpty());
  ASSERT_THAT(decision_.tell, SizeIs(1));
  EXPECT_EQ(decision_.tell[0].id, first);
  EXPECT_EQ(decision_.tell[0].until, now_ + seconds(101));
  EXPECT_EQ(admission_.NextWake(), now_ + seconds(101));

  Ask();
  Admit();
  EXPECT_THAT(decision_.tell, SizeIs(1));  // only the newcomer: the other knows
  Admit();
  EXPECT_THAT(decision_.tell, IsEmpty());

  now_ += seconds(101);
  EXPECT_THAT(Admit(), ElementsAre(first));
}

TEST_F(AdmissionTest, TellsAllAgainWhenTheTimeChanges) {
  LeaveRemaining(20);
  std::vector<TicketId> sent;
  for (int i = 0; i < 12; ++i) Ask();
  sent = Admit();
  ASSERT_THAT(sent, SizeIs(10));
  EXPECT_THAT(decision_.tell, IsEmpty());  // an answer may still free room
  Answer answer{.status = 429, .never_sent = false, .limit = std::nullopt, .retry_after = seconds(500)};
  admission_.Settle(kApi, stamps_.at(sent[0]), answer, now_);
  Admit();
  EXPECT_THAT(decision_.tell, SizeIs(2));
  answer.retry_after = seconds(900);
  admission_.Settle(kApi, stamps_.at(sent[1]), answer, now_);
  Admit();
  EXPECT_THAT(decision_.tell, SizeIs(2));
  EXPECT_EQ(decision_.tell[0].until, now_ + seconds(900));
}

TEST_F(AdmissionTest, LetsPrincipalsTakeTurnsAsRoomComes) {
  LeaveRemaining(0);
  std::vector<TicketId> alice;
  for (int i = 0; i < 20; ++i) alice.push_back(Ask(kApi, kAlice));
  const TicketId bob = Ask(kApi, kBob);
  Admit();
  std::vector<TicketId> order;
  now_ += seconds(101);
  for (int i = 0; i < 10; ++i, now_ += milliseconds(10)) {
    for (const TicketId id : Admit()) order.push_back(id);
  }
  ASSERT_GE(order.size(), 4u);
  EXPECT_THAT(std::vector(order.begin(), order.begin() + 3), ElementsAre(alice[0], bob, alice[1]));
}

TEST_F(AdmissionTest, SendsTheInteractiveOneIntoTheReserve) {
  LeaveRemaining(5);
  Ask(kApi, kAlice, Priority::kNormal);
  Ask(kApi, kAlice, Priority::kBackground);
  EXPECT_THAT(Admit(), IsEmpty());
  EXPECT_THAT(decision_.tell, SizeIs(2));
  const TicketId urgent = Ask(kApi, kBob, Priority::kInteractive);
  EXPECT_THAT(Admit(), ElementsAre(urgent));
}

TEST_F(AdmissionTest, RefusesAtOnceWhoMayNotWait) {
  LeaveRemaining(0);
  const TicketId id = Ask(kApi, kAlice, Priority::kInteractive, false);
  EXPECT_THAT(Admit(), IsEmpty());
  ASSERT_THAT(decision_.refuse, SizeIs(1));
  EXPECT_EQ(decision_.refuse[0].id, id);
  EXPECT_EQ(decision_.refuse[0].until, now_ + seconds(101));
  EXPECT_THAT(decision_.tell, IsEmpty());
  EXPECT_EQ(admission_.waiting(), 0u);
}

TEST_F(AdmissionTest, LetsWhoMayNotWaitWaitForAnAnswer) {
  for (int i = 0; i < 16; ++i) Ask();
  ASSERT_THAT(Admit(), SizeIs(16));
  const TicketId id = Ask(kApi, kAlice, Priority::kNormal, false);
  EXPECT_THAT(Admit(), IsEmpty());
  EXPECT_THAT(decision_.refuse, IsEmpty());
  Answer200(1, "api", 99);
  EXPECT_THAT(Admit(), ElementsAre(id));
}

TEST_F(AdmissionTest, PutsARefusedOneFirst) {
  const TicketId refused = Ask();
  Admit();
  Ask();
  const WindowKey home = Answer200(refused, "api", 0, kApi, 429);
  admission_.Requeue(
      {.id = refused, .window = home, .principal = kAlice, .priority = Priority::kNormal, .may_wait = true});
  EXPECT_THAT(Admit(), IsEmpty());
  EXPECT_THAT(decision_.tell, SizeIs(2));
  now_ += seconds(102);
  EXPECT_THAT(Admit(), ElementsAre(refused));
}

TEST_F(AdmissionTest, ClosesTheWindowThatTheServerNamed) {
  const TicketId id = Ask(kApi);
  Admit();
  EXPECT_EQ(Answer200(id, "resolvers", 0, kApi, 429), kResolvers);
  const TicketId api = Ask(kApi);
  Ask(kResolvers);
  EXPECT_THAT(Admit(), ElementsAre(api));
}

TEST_F(AdmissionTest, ChargesABucketItDoesNotKnowToTheWindowOfTheUrl) {
  const TicketId id = Ask(kApi);
  Admit();
  EXPECT_EQ(Answer200(id, "commits", 0, kApi, 429), kApi);
  Ask(kApi);
  EXPECT_THAT(Admit(), IsEmpty());
  EXPECT_EQ(admission_.NextWake(), now_ + seconds(101));
}

TEST_F(AdmissionTest, KeepsWindowsApart) {
  LeaveRemaining(0);
  Ask(kApi);
  const TicketId other_kind = Ask(kResolvers);
  const TicketId other_identity = Ask({"0a1b2c3d4e5f", WindowKind::kApi});
  EXPECT_THAT(Admit(), ::testing::UnorderedElementsAre(other_kind, other_identity));
}

TEST_F(AdmissionTest, BoundsTheQueuesAndTheIdentities) {
  LeaveRemaining(0);
  for (int i = 0; i < 50; ++i) Ask();
  EXPECT_FALSE(admission_.Enqueue({.id = 999, .window = kApi, .principal = kBob}));
  EXPECT_TRUE(admission_.Remove(5));
  EXPECT_FALSE(admission_.Remove(5));
  EXPECT_TRUE(admission_.Enqueue({.id = 999, .window = kApi, .principal = kBob}));
}

TEST_F(AdmissionTest, ForgetsIdleWindowsButNoneInUse) {
  for (int i = 0; i < 5; ++i) Ask({std::to_string(i), WindowKind::kApi});
  Admit();
  EXPECT_FALSE(admission_.Enqueue({.id = 999, .window = {"one more", WindowKind::kApi}, .principal = kBob}));
  EXPECT_THAT(admission_.Windows(now_), SizeIs(5));
  for (int i = 0; i < 5; ++i)
    Answer200(static_cast<TicketId>(i + 1), "api", 99, {std::to_string(i), WindowKind::kApi});
  now_ += seconds(102);
  Admit();
  EXPECT_TRUE(admission_.Enqueue({.id = 999, .window = {"one more", WindowKind::kApi}, .principal = kBob}));
  EXPECT_THAT(admission_.Windows(now_), SizeIs(1));
}

TEST_F(AdmissionTest, ShowsWindowsAsTheyAreNowWithoutBeingAsked) {
  LeaveRemaining(30);
  const auto before = admission_.WindowOf(kApi, now_);
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->state.remaining, 30u);
  EXPECT_TRUE(before->state.learned);
  EXPECT_EQ(before->opens_at, now_ + seconds(101));
  EXPECT_EQ(admission_.WindowOf(kApi, now_ + seconds(101))->state.remaining, 100u);
  EXPECT_EQ(admission_.WindowOf(kResolvers, now_), std::nullopt);
}

}  // namespace
}  // namespace batuta::budget
