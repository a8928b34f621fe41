#include "daemon/hub/sharing.h"

#include <memory>

#include <gmock/gmock.h>

namespace batuta::hub {
namespace {

constexpr bool kHeldBack = true;

Terms Job() {
  return {.principal = {.uid = 1, .tool = "a"}, .priority = Priority::kNormal, .may_wait = true};
}

Terms Person() {
  return {.principal = {.uid = 1, .tool = "b"}, .priority = Priority::kInteractive, .may_wait = false};
}

TEST(SharingTest, TheSameTermsShare) {
  EXPECT_TRUE(MayShare(Job(), false, Job()));
  EXPECT_TRUE(MayShare(Person(), false, Person()));
}

TEST(SharingTest, NobodyTakesAPlaceLessUrgentThanHisOwn) {
  Terms background = Job();
  background.priority = Priority::kBackground;
  EXPECT_FALSE(MayShare(background, false, Job()));
  EXPECT_FALSE(MayShare(Job(), false, Person()));
  EXPECT_TRUE(MayShare(Person(), false, Job()));
  EXPECT_TRUE(MayShare(Job(), false, background));
}

TEST(SharingTest, HeldBackOnlyThePatientOfTheSamePrincipalShare) {
  EXPECT_TRUE(MayShare(Job(), kHeldBack, Job()));
  Terms other = Job();
  other.principal.tool = "other";
  EXPECT_TRUE(MayShare(Job(), false, other));
  EXPECT_FALSE(MayShare(Job(), kHeldBack, other));
  Terms impatient = Job();
  impatient.may_wait = false;
  EXPECT_TRUE(MayShare(Job(), false, impatient));
  EXPECT_FALSE(MayShare(Job(), kHeldBack, impatient));
}

TEST(SharingTest, AnAnswerMustBeAtLeastAsNewAsWanted) {
  Terms renewing = Job();
  renewing.memory = Memory::kRenew;
  Terms doubting = Job();
  doubting.is_doubted = true;
  EXPECT_FALSE(MayShare(Job(), false, renewing));
  EXPECT_FALSE(MayShare(renewing, false, doubting));
  EXPECT_TRUE(MayShare(renewing, false, Job()));
  EXPECT_TRUE(MayShare(doubting, false, renewing));
}

TEST(SharingTest, ARefusalOfTheImpatientIsNoneForThePatient) {
  EXPECT_TRUE(MustAskItself(Person(), Job()));
  EXPECT_FALSE(MustAskItself(Person(), Person()));
  EXPECT_FALSE(MustAskItself(Job(), Job()));
}

TEST(SharingTest, APriorityThatChangesCountsAsItIsNow) {
  Access access{.principal = {}, .token = {}};
  access.changing_priority = std::make_shared<std::atomic<Priority>>(Priority::kBackground);
  EXPECT_EQ(TermsOf(access, false).priority, Priority::kBackground);
}

}  // namespace
}  // namespace batuta::hub
