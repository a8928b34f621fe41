#include "daemon/budget/admission.h"

#include <algorithm>
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
    return Ask(Cost{window, std::nullopt}, std::move(principal), priority, may_wait);
  }

  TicketId Ask(const Cost& cost, Principal principal, Priority priority = Priority::kNormal,
               bool may_wait = true, std::string job = "") {
    const Ticket ticket{.id = next_++,
                        .cost = cost,
                        .principal = std::move(principal),
                        .job = std::move(job),
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
    return admission_.Settle({window, std::nullopt}, stamps_.at(id), answer, now_).window;
  }

  // Without a word about limits.
  Admission::Settlement AnswerPlain(TicketId id, const Cost& cost, int status = 200,
                                    std::optional<milliseconds> retry_after = std::nullopt) {
    return admission_.Settle(
        cost, stamps_.at(id),
        {.status = status, .never_sent = false, .limit = std::nullopt, .retry_after = retry_after}, now_);
  }

  Admission::Status View(const WindowKey& window = kApi) {
    const auto status = admission_.WindowOf(window, now_);
    EXPECT_TRUE(status.has_value());
    return status.value_or(Admission::Status{});
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
  LeaveRemaining(15);
  std::vector<TicketId> sent;
  for (int i = 0; i < 14; ++i) Ask();
  sent = Admit();
  ASSERT_THAT(sent, SizeIs(12));
  EXPECT_THAT(decision_.tell, IsEmpty());  // an answer may still free room
  Answer answer{.status = 429, .never_sent = false, .limit = std::nullopt, .retry_after = seconds(500)};
  admission_.Settle({kApi, std::nullopt}, stamps_.at(sent[0]), answer, now_);
  Admit();
  EXPECT_THAT(decision_.tell, SizeIs(2));
  answer.retry_after = seconds(900);
  admission_.Settle({kApi, std::nullopt}, stamps_.at(sent[1]), answer, now_);
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
  LeaveRemaining(3);
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
  admission_.Requeue({.id = refused,
                      .cost = {home, std::nullopt},
                      .principal = kAlice,
                      .job = "",
                      .priority = Priority::kNormal});
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

TEST_F(AdmissionTest, ClosesTheWindowInWhichTheRequestComesAgain) {
  const TicketId plain = Ask();
  ASSERT_THAT(Admit(), ElementsAre(plain));
  EXPECT_EQ(Answer200(plain, "commits", 0, kApi, 429), kApi);
  EXPECT_TRUE(View().state.closed);

  const Cost commit{{"bob", WindowKind::kApi}, WindowKind::kCommits};
  const TicketId action = Ask(commit, kBob);
  ASSERT_THAT(Admit(), ElementsAre(action));
  Answer answer{.status = 429, .never_sent = false, .limit = std::nullopt, .retry_after = std::nullopt};
  answer.limit = RateLimitHeaders{
      .bucket = "pages", .remaining = 0, .reset_in = seconds(100), .quota = 100, .length = seconds(300)};
  const WindowKey commits{"bob", WindowKind::kCommits};
  EXPECT_EQ(admission_.Settle(commit, stamps_.at(action), answer, now_).window, commits);
  EXPECT_TRUE(View(commits).state.closed);
}

TEST_F(AdmissionTest, ChargesABucketItDoesNotKnowToTheWindowOfTheUrl) {
  const TicketId id = Ask(kApi);
  Admit();
  EXPECT_EQ(Answer200(id, "discussions", 0, kApi, 429), kApi);
  Ask(kApi);
  EXPECT_THAT(Admit(), IsEmpty());
  EXPECT_EQ(admission_.NextWake(), now_ + seconds(101));
}

// Alice has spent 80 of 100, 20 are left at 100 s of 300 before the reset.
class ScarceAdmissionTest : public AdmissionTest {
 protected:
  ScarceAdmissionTest() {
    for (uint64_t i = 0; i < 80; ++i) {
      const TicketId id = Ask();
      EXPECT_THAT(Admit(), ElementsAre(id));
      Answer200(id, "api", i < 79 ? 99 - std::min<uint64_t>(i, 60) : 20);
    }
  }
};

TEST_F(ScarceAdmissionTest, PacesWhoHadHisPartAndLetsTheNewcomerPass) {
  std::vector<TicketId> alice;
  for (int i = 0; i < 10; ++i) alice.push_back(Ask());
  EXPECT_THAT(Admit(), ElementsAre(alice[0]));
  std::vector<TicketId> bob;
  for (int i = 0; i < 3; ++i) bob.push_back(Ask(kApi, kBob));
  EXPECT_THAT(Admit(), ElementsAre(bob[0], bob[1], bob[2]));
  ASSERT_TRUE(admission_.NextWake().has_value());
  now_ = *admission_.NextWake();
  EXPECT_THAT(Admit(), ElementsAre(alice[1]));
}

TEST_F(ScarceAdmissionTest, LeavesTheReserveToInteractiveCallersWhoeverComes) {
  std::vector<TicketId> bob;
  for (int i = 0; i < 20; ++i) bob.push_back(Ask(kApi, kBob));
  EXPECT_THAT(Admit(), SizeIs(17));  // an equal part would be 50
  Ask(kApi, kBob, Priority::kInteractive);
  EXPECT_THAT(Admit(), SizeIs(1));
}

TEST_F(ScarceAdmissionTest, PacesTheJobThatSomebodyWatchesToo) {
  std::vector<TicketId> alice;
  for (int i = 0; i < 5; ++i)
    alice.push_back(Ask({kApi, std::nullopt}, kAlice, Priority::kInteractive, true, "job"));
  EXPECT_THAT(Admit(), ElementsAre(alice[0]));
  // Neither her question nor another's work waits behind it.
  const TicketId question = Ask(kApi, kAlice, Priority::kInteractive);
  const TicketId bob = Ask(kApi, kBob, Priority::kNormal);
  EXPECT_THAT(Admit(), ElementsAre(question, bob));
}

TEST_F(ScarceAdmissionTest, AQuestionDoesNotDelayThePaceOfHerJobs) {
  Ask({kApi, std::nullopt}, kAlice, Priority::kNormal, true, "job");
  const TicketId second = Ask({kApi, std::nullopt}, kAlice, Priority::kNormal, true, "job");
  EXPECT_THAT(Admit(), SizeIs(1));
  const SteadyTime turn = *admission_.NextWake();
  now_ = turn - milliseconds(1);
  const TicketId question = Ask(kApi, kAlice, Priority::kInteractive);
  EXPECT_THAT(Admit(), ElementsAre(question));
  now_ = turn + seconds(1);  // one less is left for the rest of the window
  EXPECT_THAT(Admit(), ElementsAre(second));
}

TEST_F(ScarceAdmissionTest, PacesNoInteractiveCaller) {
  std::vector<TicketId> people;
  for (int i = 0; i < 5; ++i) people.push_back(Ask(kApi, kAlice, Priority::kInteractive));
  EXPECT_THAT(Admit(), SizeIs(5));
}

TEST_F(ScarceAdmissionTest, ForgetsWhoHadWhatAtTheReset) {
  EXPECT_THAT(View().spending, SizeIs(1));
  EXPECT_EQ(View().spending[0].requests, 80u);
  EXPECT_TRUE(View().is_scarce);
  now_ += seconds(101);
  EXPECT_THAT(View().spending, IsEmpty());
  Ask();
  EXPECT_THAT(Admit(), SizeIs(1));
  EXPECT_EQ(View().spending[0].requests, 1u);
}

TEST_F(AdmissionTest, TellsWhoSpentAndWhoWaits) {
  LeaveRemaining(0);
  Ask(kApi, kBob);
  Ask(kApi, kBob);
  Admit();
  const Admission::Status status = View();
  ASSERT_THAT(status.spending, SizeIs(2));
  EXPECT_EQ(status.spending[0].principal, kAlice);
  EXPECT_EQ(status.spending[0].requests, 1u);
  EXPECT_EQ(status.spending[1].principal, kBob);
  EXPECT_EQ(status.spending[1].waiting, 2u);
}

TEST_F(AdmissionTest, TellsApartOnlySoManyToolsOfAUser) {
  for (int i = 0; i < 1'200; ++i) {
    const TicketId id = Ask(kApi, {1000, std::to_string(i)});
    Admit();
    AnswerPlain(id, {kApi, std::nullopt});
  }
  const Admission::Status status = View();
  EXPECT_THAT(status.spending, SizeIs(1'001));
  EXPECT_EQ(status.spending[0].principal, (Principal{1000, ""}));
  EXPECT_EQ(status.spending[0].requests, 200u);
}

const WindowKey kCommits{"anonymous", WindowKind::kCommits};
const Cost kCommit{kApi, WindowKind::kCommits};

TEST_F(AdmissionTest, ClosesTheWindowOfAnActionWhenItsBucketHasSomethingLeft) {
  const TicketId id = Ask(kCommit, kAlice);
  ASSERT_THAT(Admit(), ElementsAre(id));
  Answer answer{.status = 429, .never_sent = false, .limit = std::nullopt, .retry_after = seconds(30)};
  answer.limit = RateLimitHeaders{
      .bucket = "api", .remaining = 60, .reset_in = seconds(100), .quota = 100, .length = seconds(300)};
  const Admission::Settlement settlement = admission_.Settle(kCommit, stamps_.at(id), answer, now_);
  EXPECT_EQ(settlement.window, kCommits);
  EXPECT_TRUE(settlement.has_closed);

  const TicketId commit = Ask(kCommit, kAlice);
  const TicketId other = Ask(kApi, kAlice);
  EXPECT_THAT(Admit(), ElementsAre(other));
  EXPECT_TRUE(View(kCommits).state.closed);
  EXPECT_EQ(View(kCommits).state.quota, 0u);  // nobody told
  now_ += seconds(30);
  EXPECT_THAT(Admit(), ElementsAre(commit));
}

TEST_F(AdmissionTest, ClosesTheBucketOfAnActionWhenThatIsSpent) {
  const TicketId id = Ask(kCommit, kAlice);
  Admit();
  Answer answer{.status = 429, .never_sent = false, .limit = std::nullopt, .retry_after = std::nullopt};
  answer.limit = RateLimitHeaders{
      .bucket = "api", .remaining = 0, .reset_in = seconds(100), .quota = 100, .length = seconds(300)};
  EXPECT_EQ(admission_.Settle(kCommit, stamps_.at(id), answer, now_).window, kApi);
  Ask(kApi, kAlice);
  Ask(kCommit, kAlice);
  EXPECT_THAT(Admit(), IsEmpty());
  EXPECT_FALSE(View(kCommits).state.closed);
}

TEST_F(AdmissionTest, ChargesAnActionToItsBucketToo) {
  LeaveRemaining(20);
  const TicketId id = Ask(kCommit, kBob);
  ASSERT_THAT(Admit(), ElementsAre(id));
  EXPECT_EQ(View().state.remaining, 19u);
  AnswerPlain(id, kCommit);
  EXPECT_EQ(View().state.remaining, 19u);
  EXPECT_EQ(View().spending[1].requests, 1u);
  LeaveRemaining(0);
  Ask(kCommit, kBob);
  EXPECT_THAT(Admit(), IsEmpty());
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
  EXPECT_FALSE(admission_.Enqueue({.id = 999, .cost = {kApi, std::nullopt}, .principal = kBob, .job = ""}));
  EXPECT_TRUE(admission_.Remove(5));
  EXPECT_FALSE(admission_.Remove(5));
  EXPECT_TRUE(admission_.Enqueue({.id = 999, .cost = {kApi, std::nullopt}, .principal = kBob, .job = ""}));
}

TEST_F(AdmissionTest, ForgetsIdleWindowsButNoneInUse) {
  for (int i = 0; i < 5; ++i) Ask({std::to_string(i), WindowKind::kApi});
  Admit();
  EXPECT_FALSE(admission_.Enqueue(
      {.id = 999, .cost = {{"one more", WindowKind::kApi}, std::nullopt}, .principal = kBob, .job = ""}));
  EXPECT_THAT(admission_.Windows(now_), SizeIs(5));
  for (int i = 0; i < 5; ++i)
    Answer200(static_cast<TicketId>(i + 1), "api", 99, {std::to_string(i), WindowKind::kApi});
  now_ += seconds(102);
  Admit();
  EXPECT_TRUE(admission_.Enqueue(
      {.id = 999, .cost = {{"one more", WindowKind::kApi}, std::nullopt}, .principal = kBob, .job = ""}));
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
