#include "daemon/pull/review.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/support/pull/pull_fixture.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::pull {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Review ReviewOf(std::string_view id) {
  return {.repo = *RepoId::Parse(RepoType::kModel, id)};
}

Review NewOne() {
  Review review = ReviewOf("strangers/otter");
  review.is_new = true;
  return review;
}

Review ConfusableOne() {
  Review review = ReviewOf("meta-1lama/otter");
  review.is_new = true;
  review.name.confusable_with = "meta-llama";
  review.name.why = "letters that look the same";
  return review;
}

Review ReplacedOne() {
  Review review = ReviewOf("acme/otter");
  review.before = {.hub_id = "66a1"};
  review.now = {.hub_id = "66a2"};
  return review;
}

std::string Judged(const Review& review, NameReviewMode mode, bool accept_replaced = false) {
  PullRequest request{.repo = review.repo, .selection = {}};
  request.name_review = mode;
  request.accept_replaced = accept_replaced;
  const absl::Status status = Judge(review, request);
  EXPECT_THAT(status.code(), ::testing::AnyOf(absl::StatusCode::kOk, absl::StatusCode::kFailedPrecondition));
  return ReasonOf(status);
}

TEST(JudgeTest, WhatIsKnownGoesOn) {
  EXPECT_EQ(Judged(ReviewOf("acme/otter"), NameReviewMode::kRefuseConfusable), "");
  EXPECT_EQ(Judged(ReviewOf("acme/otter"), NameReviewMode::kAsk), "");
}

TEST(JudgeTest, ANewNamespaceIsAReasonToAskAndNoReasonToRefuse) {
  EXPECT_EQ(Judged(NewOne(), NameReviewMode::kRefuseConfusable), "");
  EXPECT_EQ(Judged(NewOne(), NameReviewMode::kAsk), "NAMESPACE_NEW");
  EXPECT_EQ(Judged(NewOne(), NameReviewMode::kAccepted), "");
}

TEST(JudgeTest, NobodyIsAskedAboutAWellKnownNamespace) {
  Review review = NewOne();
  review.name.is_known = true;
  EXPECT_EQ(Judged(review, NameReviewMode::kAsk), "");
}

TEST(JudgeTest, ANameThatMayBeMistakenIsRefusedUntilSomebodyAgrees) {
  EXPECT_EQ(Judged(ConfusableOne(), NameReviewMode::kRefuseConfusable), "NAME_CONFUSABLE");
  EXPECT_EQ(Judged(ConfusableOne(), NameReviewMode::kAsk), "NAME_CONFUSABLE");
  EXPECT_EQ(Judged(ConfusableOne(), NameReviewMode::kAccepted), "");
}

TEST(JudgeTest, TheRefusalNamesWhatWasMeantPerhapsAndTheWayOut) {
  const absl::Status status = Judge(ConfusableOne(), {.repo = ConfusableOne().repo, .selection = {}});

  EXPECT_THAT(MessageOf(status), HasSubstr("meta-llama, which is well known: letters that look the same"));
  EXPECT_THAT(DetailsOf(status).hint, HasSubstr("--yes"));
  EXPECT_EQ(DetailsOf(status).facts.at("confusable_with"), "meta-llama");
}

TEST(JudgeTest, AnotherRepoUnderTheNameNeedsMoreThanAYes) {
  EXPECT_EQ(Judged(ReplacedOne(), NameReviewMode::kRefuseConfusable), "REPO_REPLACED");
  EXPECT_EQ(Judged(ReplacedOne(), NameReviewMode::kAccepted), "REPO_REPLACED");
  EXPECT_EQ(Judged(ReplacedOne(), NameReviewMode::kRefuseConfusable, /*accept_replaced=*/true), "");
}

TEST(JudgeTest, TheRefusalOfAnotherRepoNamesBothIds) {
  const absl::Status status = Judge(ReplacedOne(), {.repo = ReplacedOne().repo, .selection = {}});

  EXPECT_THAT(MessageOf(status), HasSubstr("was 66a1, and is 66a2"));
  EXPECT_THAT(DetailsOf(status).hint, HasSubstr("--accept-replaced"));
}

// Pulls over a cache that looks at names.
class ReviewTest : public PullFixture {
 protected:
  ReviewTest() {
    planner_ = std::make_unique<Planner>(planner_options_, hub_, *cache_, core_, disk_, &reviewer_);
    ServeOtter();
    Describe("66a1");
  }

  void Describe(std::string hub_id) {
    hub_.Describe({.summary = {.repo = Model("acme/otter"), .downloads = 7},
                   .commit = Commit('a'),
                   .hub_id = std::move(hub_id),
                   .author = "acme"});
  }

  // Starts a pull, delivers what it wants, and says what became of it.
  absl::Status Pull(const PullRequest& request) {
    observer_ = {};
    PullContext context = Context();
    context.reviewer = &reviewer_;
    const std::unique_ptr<PullRun> run = PullRun::Start(context, request, hub::Access{}, observer_);
    core_.RunUntilIdle();
    DeliverAll();
    return observer_.finished.value_or(absl::UnknownError("not finished"));
  }

  // As if the cache had lost what it had of the repo.
  void Lose(const RepoId& repo) { std::filesystem::remove_all(folder_ / "hub" / repo.folder()); }

  review::Acquaintances acquaintances_{store_, "https://hub.test"};
  Reviewer reviewer_{acquaintances_, *cache_, clock_};
  const RepoId otter_ = Model("acme/otter");
};

TEST_F(ReviewTest, APlanFromANewNamespaceSaysWhatTheHubSays) {
  const absl::StatusOr<PullPlan> plan = Plan(RequestFor(otter_));

  ASSERT_THAT(plan, IsOk());
  ASSERT_NE(plan->review, nullptr);
  EXPECT_TRUE(plan->review->is_new);
  EXPECT_EQ(plan->review->info->summary.downloads, 7u);
  EXPECT_EQ(plan->review->now.hub_id, "66a1");
}

TEST_F(ReviewTest, TheFirstLookCostsNoRequestMoreThanAPullWithout) {
  ASSERT_THAT(Plan(RequestFor(otter_)), IsOk());

  EXPECT_THAT(hub_.asked(),
              ::testing::ElementsAre(HasSubstr("info model/acme/otter main"), HasSubstr("tree ")));
}

TEST_F(ReviewTest, WhoeverAsksSomebodyIsRefusedBeforeAnythingIsFetchedOrWritten) {
  PullRequest request = RequestFor(otter_);
  request.name_review = NameReviewMode::kAsk;

  EXPECT_THAT(Pull(request), HasReason("NAMESPACE_NEW"));
  EXPECT_THAT(transfers_->wanted(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hub" / otter_.folder()));
  EXPECT_EQ(observer_.plan_files, 3u);  // what would be fetched is known
}

TEST_F(ReviewTest, NobodyIsAskedTwice) {
  PullRequest request = RequestFor(otter_);
  request.name_review = NameReviewMode::kAccepted;
  ASSERT_THAT(Pull(request), IsOk());
  Lose(otter_);

  request.name_review = NameReviewMode::kAsk;

  EXPECT_THAT(Pull(request), IsOk());
}

TEST_F(ReviewTest, AgreementHoldsThoughTheTransferFails) {
  PullRequest request = RequestFor(otter_);
  request.name_review = NameReviewMode::kAccepted;
  {
    PullContext context = Context();
    context.reviewer = &reviewer_;
    const std::unique_ptr<PullRun> run = PullRun::Start(context, request, hub::Access{}, observer_);
    core_.RunUntilIdle();
  }
  Lose(otter_);

  EXPECT_THAT(acquaintances_.TrustedNamespaces(), IsOkAndHolds(Contains("acme")));
}

TEST_F(ReviewTest, APullThatBroughtSomethingMakesTheNamespaceKnown) {
  ASSERT_THAT(Pull(RequestFor(otter_)), IsOk());
  Lose(otter_);

  PullRequest request = RequestFor(otter_);
  request.name_review = NameReviewMode::kAsk;

  EXPECT_THAT(Pull(request), IsOk());
}

TEST_F(ReviewTest, WhatAnotherToolBroughtMakesTheNamespaceKnown) {
  std::filesystem::create_directories(folder_ / "hub" / "datasets--Acme--notes" / "snapshots");
  PullRequest request = RequestFor(otter_);
  request.name_review = NameReviewMode::kAsk;

  EXPECT_THAT(Pull(request), IsOk());
}

TEST_F(ReviewTest, AnotherRepoUnderTheNameIsRefusedAndNothingIsFetched) {
  ASSERT_THAT(Pull(RequestFor(otter_)), IsOk());
  Lose(otter_);
  Describe("66a2");
  const size_t before = transfers_->wanted().size();

  EXPECT_THAT(Pull(RequestFor(otter_)), HasReason("REPO_REPLACED"));
  EXPECT_EQ(transfers_->wanted().size(), before);
}

TEST_F(ReviewTest, AnotherRepoThatWasAgreedToIsTheOneFromThenOn) {
  ASSERT_THAT(Pull(RequestFor(otter_)), IsOk());
  Lose(otter_);
  Describe("66a2");
  PullRequest request = RequestFor(otter_);
  request.accept_replaced = true;
  ASSERT_THAT(Pull(request), IsOk());
  Lose(otter_);

  EXPECT_THAT(Pull(RequestFor(otter_)), IsOk());
}

TEST_F(ReviewTest, WhatIsCachedIsNeverRefused) {
  ASSERT_THAT(Pull(RequestFor(otter_)), IsOk());
  Describe("66a2");

  EXPECT_THAT(Pull(RequestFor(otter_)), IsOk());
}

TEST_F(ReviewTest, OfflineNobodyIsAsked) {
  ASSERT_THAT(Pull(RequestFor(otter_)), IsOk());
  PullRequest request = RequestFor(otter_);
  request.offline = true;
  request.name_review = NameReviewMode::kAsk;
  const size_t asked = hub_.asked().size();

  EXPECT_THAT(Pull(request), IsOk());
  EXPECT_EQ(hub_.asked().size(), asked);
}

TEST_F(ReviewTest, ANameLikeAKnownOneIsRefusedAndTheKnownOneIsNot) {
  const RepoId strange = Model("acrne/otter");
  hub_.Serve(strange, Revision::Main(), Tree{Commit('b'), {File("config.json", "{}", '1')}});
  ASSERT_THAT(Pull(RequestFor(otter_)), IsOk());

  EXPECT_THAT(Pull(RequestFor(strange)), HasReason("NAME_CONFUSABLE"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hub" / strange.folder()));

  PullRequest agreed = RequestFor(strange);
  agreed.name_review = NameReviewMode::kAccepted;
  EXPECT_THAT(Pull(agreed), IsOk());
}

}  // namespace
}  // namespace batuta::pull
