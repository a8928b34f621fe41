#include <chrono>

#include <gmock/gmock.h>

#include "tests/support/pull/pull_fixture.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::pull {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Action = PlannedFile::Action;

class PlannerTest : public PullFixture {
 protected:
  // Everything of acme/otter, fetched and published.
  void PullOtter() {
    const std::unique_ptr<PullRun> run = StartRun(RequestFor(Model("acme/otter")));
    DeliverAll();
    ASSERT_TRUE(observer_.finished.has_value());
    ASSERT_THAT(*observer_.finished, IsOk());
  }
};

TEST_F(PlannerTest, FirstPlanAsksForTheCommitItsTreeAndTheScannersAndNothingElse) {
  ServeOtter();

  const absl::StatusOr<PullPlan> plan = Plan(RequestFor(Model("acme/otter")));

  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->commit, Commit('a'));
  EXPECT_TRUE(plan->tree_is_new);
  ASSERT_THAT(plan->files, SizeIs(3));
  EXPECT_EQ(plan->files[1].action, Action::kDownload);
  EXPECT_THAT(hub_.asked(),
              ElementsAre("resolve model/acme/otter main", HasSubstr("tree model/acme/otter aaaa"),
                          HasSubstr("scan model/acme/otter aaaa")));
}

TEST_F(PlannerTest, RepeatedPlanOfAPulledRepoAsksNothingOfItsTree) {
  ServeOtter();
  PullOtter();
  const size_t asked = hub_.asked().size();

  const absl::StatusOr<PullPlan> plan = Plan(RequestFor(Model("acme/otter")));

  ASSERT_THAT(plan, IsOk());
  for (const PlannedFile& file : plan->files)
    EXPECT_EQ(file.action, Action::kCached) << file.entry.path.text();
  ASSERT_EQ(hub_.asked().size(), asked + 1);
  EXPECT_EQ(hub_.asked().back(), "resolve model/acme/otter main");
}

TEST_F(PlannerTest, ARefreshIsAskedOfTheHubWhateverItsClientRemembers) {
  ServeOtter();
  PullRequest request = RequestFor(Model("acme/otter"));
  ASSERT_THAT(Plan(request), IsOk());
  EXPECT_EQ(hub_.last_access().memory, hub::Memory::kUse);
  request.refresh = true;
  ASSERT_THAT(Plan(request), IsOk());
  EXPECT_EQ(hub_.last_access().memory, hub::Memory::kRenew);
}

TEST_F(PlannerTest, CommitAsRevisionNeedsNoResolving) {
  ServeOtter();
  PullRequest request = RequestFor(Model("acme/otter"));
  request.revision = Revision::From(Commit('a'));

  ASSERT_THAT(Plan(request), IsOk());

  EXPECT_THAT(hub_.asked(), ElementsAre(HasSubstr("tree "), HasSubstr("scan ")));
}

TEST_F(PlannerTest, OfflineAnswersFromTheCacheWithoutAsking) {
  ServeOtter();
  PullOtter();
  const size_t asked = hub_.asked().size();
  clock_.Advance(std::chrono::hours(24 * 365));
  PullRequest request = RequestFor(Model("acme/otter"));
  request.offline = true;

  const absl::StatusOr<PullPlan> plan = Plan(request);

  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->commit, Commit('a'));
  EXPECT_EQ(hub_.asked().size(), asked);
}

TEST_F(PlannerTest, OfflineWithoutTheRevisionIsAMissThatNamesIt) {
  PullRequest request = RequestFor(Model("acme/otter"));
  request.offline = true;

  const absl::StatusOr<PullPlan> plan = Plan(request);

  EXPECT_THAT(plan, HasReason(reason::kOfflineMiss));
  EXPECT_THAT(plan, HasMessage(HasSubstr("revision main")));
  EXPECT_THAT(hub_.asked(), IsEmpty());
}

TEST_F(PlannerTest, OfflineWithOneFileMissingIsAMissThatNamesTheFile) {
  ServeOtter();
  PullRequest only_config = RequestFor(Model("acme/otter"));
  only_config.selection.paths = {"config.json"};
  const std::unique_ptr<PullRun> run = StartRun(only_config);
  DeliverAll();
  PullRequest request = RequestFor(Model("acme/otter"));
  request.offline = true;

  const absl::StatusOr<PullPlan> plan = Plan(request);

  EXPECT_THAT(plan, HasReason(reason::kOfflineMiss));
  EXPECT_THAT(plan, HasMessage(HasSubstr("model-00001-of-00002.safetensors")));
}

TEST_F(PlannerTest, SnapshotThatAnotherToolMadeWithoutAListingServesOffline) {
  ServeOtter();
  PullOtter();
  std::filesystem::remove_all(folder_ / "hub" / "models--acme--otter" / "trees");
  PullRequest request = RequestFor(Model("acme/otter"));
  request.offline = true;

  EXPECT_THAT(Plan(request), IsOk());
  request.selection.paths = {"not-there.bin.safetensors"};
  EXPECT_THAT(Plan(request), HasReason(reason::kOfflineMiss));
}

TEST_F(PlannerTest, RefusalOfTheHubIsPassedOnWithItsReason) {
  ServeOtter();
  hub_.FailNext(MakeError(absl::StatusCode::kPermissionDenied, reason::kRepoGated, "gated"));

  EXPECT_THAT(Plan(RequestFor(Model("acme/otter"))), HasReason(reason::kRepoGated));
}

}  // namespace

}  // namespace batuta::pull
